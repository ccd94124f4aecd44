"""What the Python peers of the benchmark share: figures, one JSON object a line, and clocks."""
import json
import resource
import threading
import time


def figure(metric, value, unit, **more):
    print(json.dumps({**more, "metric": metric, "value": value, "unit": unit}), flush=True)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def status(name):
    """A number of /proc/self/status. The most memory that there was is VmHWM; getrusage's is the parent's too."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))


def percentile(samples, share):
    return samples[min(len(samples) - 1, int(len(samples) * share))]


def report(count, seconds, cpu_seconds, samples=()):
    """The figures of a client: `samples` are the seconds of each operation."""
    figure("rate", count / seconds, "1/s")
    figure("client cpu", cpu_seconds / count * 1e6, "us")
    figure("client rss", status("VmHWM"), "KiB")
    if samples:
        samples = sorted(samples)
        figure("p50", percentile(samples, 0.5) * 1e6, "us")
        figure("p99", percentile(samples, 0.99) * 1e6, "us")


def measure(count, workers, operation):
    """Runs `operation` that often, in that many threads at a time, and reports."""
    samples = []
    lock = threading.Lock()
    shares = [count // workers + (worker < count % workers) for worker in range(workers)]

    def work(share):
        own = []
        for _ in range(share):
            start = time.perf_counter()
            operation()
            own.append(time.perf_counter() - start)
        with lock:
            samples.extend(own)

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    start, start_cpu = time.perf_counter(), cpu()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(samples) != count:
        raise SystemExit(f"only {len(samples)} of {count} operations succeeded")
    report(count, time.perf_counter() - start, cpu() - start_cpu, samples)
