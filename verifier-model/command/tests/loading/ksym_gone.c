/* SPDX-License-Identifier: GPL-2.0-only */
/* A variable of the kernel that has to be there. */
#include "loading.h"

extern const int variable_that_is_gone __ksym;

SEC("raw_tp/sched_switch") int strong_variable(void *ctx)
{
	return variable_that_is_gone;
}
