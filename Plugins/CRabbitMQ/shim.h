#ifndef SWITCHBOARD_CRABBITMQ_SHIM_H
#define SWITCHBOARD_CRABBITMQ_SHIM_H

#if !__has_include(<amqp.h>)
#error "librabbitmq's headers were not found. Debian/Ubuntu: apt-get install librabbitmq-dev. Or build without the driver: swift build --disable-default-traits"
#endif

#include <amqp.h>
#include <amqp_framing.h>

#endif
