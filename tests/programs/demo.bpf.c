// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for a CPU, and on which one: reads the run queue and the pressure (PSI), as the
 * system and as one container see it, of every possible CPU, and adds them up by mask. A mask
 * ends where the running kernel's CPUs end, so there is no bound here that could be wrong.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "bpf_iter_cpumask.h"

enum mask { POSSIBLE, PRESENT, ONLINE, CONTAINER, NR_MASKS };

/* enum psi_states, but there NONIDLE moves with CONFIG_IRQ_TIME_ACCOUNTING. */
enum { IO_SOME, IO_FULL, MEM_SOME, MEM_FULL, CPU_SOME, CPU_FULL, NONIDLE, NR_STATES };

struct pressure {			/* ns in each state, of one group on one CPU */
	__u64 spent[NR_STATES];		/* since the first run */
	__u64 folded[NR_STATES];	/* psi_group_cpu.times_prev: 32 bits, wrap after 4.29 s */
};

struct row {
	__u64 masks;			/* bits: 1 << enum mask */
	__u64 nr_running;
	struct pressure system, container;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* the loader makes room for every possible CPU */
	__type(key, int);
	__type(value, struct row);
} rows SEC(".maps");

struct sum {
	__u64 nr_cpus, nr_running;
	__u64 system[NR_STATES], container[NR_STATES];
};

struct {
	__u64 runs;			/* before this one */
	__u64 system_total[NONIDLE];	/* ns, total= of the pressure files */
	__u64 container_total[NONIDLE];
	struct sum sums[NR_MASKS];
} result SEC(".data.result");

const volatile struct {
	__u32 pid;			/* a task in a child of the root cgroup */
	__u32 pcpu_is_tagged;		/* BTF has psi_group.pcpu as __percpu */
} options SEC(".rodata.options");

extern const struct rq runqueues __ksym;
extern const struct psi_group_cpu system_group_pcpu __ksym;
extern const void __per_cpu_offset __ksym;	/* unsigned long [NR_CPUS] */

/*
 * bpf_per_cpu_ptr() takes what BTF has as per CPU: variables, and members if clang built the
 * kernel. With gcc this adds the CPU's offset itself; loads through the cast are fault-safe.
 */
static const struct psi_group_cpu *container_on(struct psi_group *container, int cpu)
{
	__u64 offset;

	if (options.pcpu_is_tagged)
		return bpf_per_cpu_ptr(container->pcpu, cpu);
	bpf_probe_read_kernel(&offset, sizeof(offset), &__per_cpu_offset + sizeof(offset) * cpu);
	return bpf_rdonly_cast((void *)BPF_CORE_READ(container, pcpu) + offset,
			       bpf_core_type_id_kernel(struct psi_group_cpu));
}

/* times lacks the state that the CPU is in; times_prev had it when the totals were last made. */
static void read_pressure(struct pressure *to, const struct psi_group_cpu *from)
{
	for (int state = 0; state < NR_STATES; state++) {
		int theirs = state < NONIDLE ? state :
			bpf_core_enum_value(enum psi_states, PSI_NONIDLE);
		__u32 folded = from->times_prev[theirs]; /* [PSI_AVGS], row 0 */

		if (result.runs)
			to->spent[state] += (__u32)(folded - to->folded[state]);
		to->folded[state] = folded;
	}
}

static void read_cpu(struct psi_group *container, int cpu)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, cpu);
	const struct psi_group_cpu *on_system = bpf_per_cpu_ptr(&system_group_pcpu, cpu);
	const struct psi_group_cpu *on_container = container_on(container, cpu);
	struct row *row = bpf_map_lookup_elem(&rows, &cpu);

	if (!rq || !on_system || !on_container || !row)
		return;
	row->masks = 0;
	row->nr_running = rq->nr_running;
	read_pressure(&row->system, on_system);
	read_pressure(&row->container, on_container);
}

static void add_up(enum mask which, const struct cpumask *mask)
{
	struct sum *sum = &result.sums[which];
	int cpu;

	__builtin_memset(sum, 0, sizeof(*sum));
	bpf_for_each_cpu(cpu, mask) {
		struct row *row = bpf_map_lookup_elem(&rows, &cpu);

		sum->nr_cpus++;
		if (!row)
			break;		/* the count is one too high then */
		row->masks |= 1 << which;
		sum->nr_running += row->nr_running;
		for (int state = 0; state < NR_STATES; state++) {
			sum->system[state] += row->system.spent[state];
			sum->container[state] += row->container.spent[state];
		}
	}
}

SEC("syscall")
int pressure_by_cpu(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(options.pid);
	struct psi_group *container;
	int cpu;

	if (!task)
		return 1;
	bpf_rcu_read_lock();
	container = task->cgroups->dfl_cgrp->psi;
	bpf_for_each_possible_cpu(cpu)
		read_cpu(container, cpu);
	for (int state = 0; state < NONIDLE; state++) {
		result.system_total[state] = container->parent->total[state];
		result.container_total[state] = container->total[state];
	}
	add_up(POSSIBLE, bpf_cpu_possible_mask());
	add_up(PRESENT, bpf_cpu_present_mask());
	add_up(ONLINE, bpf_cpu_online_mask());
	add_up(CONTAINER, &task->cpus_mask);
	bpf_rcu_read_unlock();
	bpf_task_release(task);
	result.runs++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
