"""A Ray cluster of this machine: prints its address, and ends with its standard input."""

import sys

import ray

CPUS = 6  # to reserve, for Serve and Data at the same time; no more are used than there are


def main() -> None:
    context = ray.init("local", num_cpus=CPUS, include_dashboard=False, log_to_driver=False)
    print(context.address_info["gcs_address"], flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main()
