#ifndef SWITCHBOARD_CMARIADB_SHIM_H
#define SWITCHBOARD_CMARIADB_SHIM_H

#if __has_include(<mysql.h>)
#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>
#elif __has_include(<mariadb/mysql.h>)
#include <mariadb/mysql.h>
#include <mariadb/errmsg.h>
#include <mariadb/mysqld_error.h>
#else
#error "libmariadb's headers were not found. Debian/Ubuntu: apt-get install libmariadb-dev. Or build without the trait MariaDB: swift build --disable-default-traits --traits RabbitMQ,TLS"
#endif

#endif
