// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The iterator in C: what Rust costs. The same programs, with the kfuncs of bench/c-port. */
#include "bench.h"

#define bpf_iter_cpumask bpf_iter_cpumask_c
#define bpf_iter_cpumask_new bpf_iter_cpumask_c_new
#define bpf_iter_cpumask_next bpf_iter_cpumask_c_next
#define bpf_iter_cpumask_destroy bpf_iter_cpumask_c_destroy

#include "cpumask.bpf.c"
