// The usual AMQP client of Go (amqp091-go): the AMQP level only, no RPC layer.
//
//	go-bench serve   URL                   answers on the queue go, until its input closes
//	go-bench call    URL N WINDOW BYTES    N requests, WINDOW outstanding
//	go-bench publish URL N WINDOW BYTES    N messages, WINDOW unconfirmed
//	go-bench consume URL N PREFETCH BYTES  fills a queue, then takes N, an acknowledgement for each PREFETCH / 4
//
// Prints one figure a line.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const queue = "go"

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-bench:", err)
		os.Exit(1)
	}
}

func figure(metric string, value float64, unit string) {
	fmt.Printf("{\"metric\": %q, \"value\": %.3f, \"unit\": %q}\n", metric, value, unit)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// The most memory that there was, in KiB; getrusage's is that of the program's parent too.
func peakMemory() (value float64) {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range bytes.Split(status, []byte("\n")) {
		fmt.Sscanf(string(line), "VmHWM: %f", &value)
	}
	return value
}

func report(count int, took, cpu time.Duration, samples []time.Duration) {
	figure("rate", float64(count)/took.Seconds(), "1/s")
	figure("client cpu", float64((cpuTime()-cpu).Microseconds())/float64(count), "us")
	figure("client rss", peakMemory(), "KiB")
	if len(samples) == 0 {
		return
	}
	sort.Slice(samples, func(a, b int) bool { return samples[a] < samples[b] })
	figure("p50", float64(samples[len(samples)/2].Nanoseconds())/1e3, "us")
	figure("p99", float64(samples[len(samples)*99/100].Nanoseconds())/1e3, "us")
}

func open(url string) *amqp.Channel {
	connection, err := amqp.Dial(url)
	check(err)
	channel, err := connection.Channel()
	check(err)
	return channel
}

func publish(channel *amqp.Channel, key string, message amqp.Publishing) {
	message.ContentType = "application/json"
	message.DeliveryMode = amqp.Transient
	check(channel.PublishWithContext(context.Background(), "", key, false, false, message))
}

func serve(url string) {
	channel := open(url)
	_, err := channel.QueueDeclare(queue, false, true, false, false, nil)
	check(err)
	check(channel.Qos(1000, 0, false))
	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	check(err)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	for delivery := range deliveries {
		publish(channel, delivery.ReplyTo, amqp.Publishing{CorrelationId: delivery.CorrelationId, Body: delivery.Body})
		check(delivery.Ack(false))
	}
}

func call(url string, count, window int, body []byte) {
	channel := open(url)
	replies, err := channel.QueueDeclare("", false, false, true, false, nil)
	check(err)
	deliveries, err := channel.Consume(replies.Name, "", true, true, false, false, nil)
	check(err)
	var lock sync.Mutex
	waiting := map[string]chan struct{}{}
	go func() {
		for delivery := range deliveries {
			lock.Lock()
			done := waiting[delivery.CorrelationId]
			delete(waiting, delivery.CorrelationId)
			lock.Unlock()
			close(done)
		}
	}()
	once := func(id string) time.Duration {
		done := make(chan struct{})
		lock.Lock()
		waiting[id] = done
		lock.Unlock()
		start := time.Now()
		publish(channel, queue, amqp.Publishing{CorrelationId: id, ReplyTo: replies.Name, Body: body})
		<-done
		return time.Since(start)
	}
	run := func(count int, prefix string) []time.Duration {
		samples := make([]time.Duration, count)
		var group sync.WaitGroup
		for worker := 0; worker < window; worker++ {
			group.Add(1)
			go func(worker int) {
				defer group.Done()
				for number := worker; number < count; number += window {
					samples[number] = once(prefix + strconv.Itoa(number))
				}
			}(worker)
		}
		group.Wait()
		return samples
	}
	run(count/10+1, "w")
	cpu := cpuTime()
	start := time.Now()
	samples := run(count, "c")
	report(count, time.Since(start), cpu, samples)
}

// Returns when all are confirmed.
func fill(channel *amqp.Channel, name string, count, window int, body []byte) {
	slots := make(chan struct{}, window)
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, window))
	done := make(chan struct{})
	go func() {
		for number := 0; number < count; number++ {
			if confirmation := <-confirms; !confirmation.Ack {
				check(fmt.Errorf("the broker refused a message"))
			}
			<-slots
		}
		close(done)
	}()
	for number := 0; number < count; number++ {
		slots <- struct{}{}
		publish(channel, name, amqp.Publishing{Body: body})
	}
	<-done
}

func prepare(url, name string) *amqp.Channel {
	channel := open(url)
	_, err := channel.QueueDeclare(name, false, false, false, false, nil)
	check(err)
	_, err = channel.QueuePurge(name, false)
	check(err)
	check(channel.Confirm(false))
	return channel
}

func publishAll(url string, count, window int, body []byte) {
	channel := prepare(url, queue+"-publish")
	cpu := cpuTime()
	start := time.Now()
	fill(channel, queue+"-publish", count, window, body)
	report(count, time.Since(start), cpu, nil)
	_, err := channel.QueueDelete(queue+"-publish", false, false, false)
	check(err)
}

func consume(url string, count, prefetch int, body []byte) {
	name := queue + "-consume"
	filler := prepare(url, name)
	fill(filler, name, count, 500, body)
	channel := open(url)
	check(channel.Qos(prefetch, 0, false))
	deliveries, err := channel.Consume(name, "", false, false, false, false, nil)
	check(err)
	every := prefetch / 4
	if every < 1 {
		every = 1
	}
	var cpu time.Duration
	var start time.Time
	taken := 0
	for delivery := range deliveries {
		if taken == 0 {
			cpu = cpuTime()
			start = time.Now()
		}
		taken++
		if taken%every == 0 || taken == count {
			check(delivery.Ack(true))
		}
		if taken == count {
			break
		}
	}
	report(count, time.Since(start), cpu, nil)
	_, err = channel.QueueDelete(name, false, false, false)
	check(err)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		serve(os.Args[2])
		return
	}
	if len(os.Args) != 6 {
		check(fmt.Errorf("usage: go-bench serve URL, or go-bench call|publish|consume URL N WINDOW BYTES"))
	}
	numbers := [3]int{}
	for place := range numbers {
		number, err := strconv.Atoi(os.Args[3+place])
		check(err)
		numbers[place] = number
	}
	body := bytes.Repeat([]byte("x"), numbers[2])
	switch os.Args[1] {
	case "call":
		call(os.Args[2], numbers[0], numbers[1], body)
	case "publish":
		publishAll(os.Args[2], numbers[0], numbers[1], body)
	case "consume":
		consume(os.Args[2], numbers[0], numbers[1], body)
	default:
		check(fmt.Errorf("%s is no mode", os.Args[1]))
	}
}
