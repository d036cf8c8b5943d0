// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each getter gives the mask that it is named after. */
#include "guest.h"

/* The masks themselves. The kernel's BTF does not have them, its symbol table does. */
extern const void __cpu_possible_mask __ksym;
extern const void __cpu_present_mask __ksym;
extern const void __cpu_online_mask __ksym;
extern const void __cpu_active_mask __ksym;
extern const void __cpu_enabled_mask __ksym;
extern const void __cpu_dying_mask __ksym;

__u32 wrong_masks;

/* Two masks may have the same content, so this compares their addresses. */
SEC("raw_tp")
int identity(void *ctx)
{
	if ((void *)bpf_cpu_possible_mask() != &__cpu_possible_mask)
		wrong_masks |= 1 << 0;
	if ((void *)bpf_cpu_present_mask() != &__cpu_present_mask)
		wrong_masks |= 1 << 1;
	if ((void *)bpf_cpu_online_mask() != &__cpu_online_mask)
		wrong_masks |= 1 << 2;
	if ((void *)bpf_cpu_active_mask() != &__cpu_active_mask)
		wrong_masks |= 1 << 3;
	if ((void *)bpf_cpu_enabled_mask() != &__cpu_enabled_mask)
		wrong_masks |= 1 << 4;
	if ((void *)bpf_cpu_dying_mask() != &__cpu_dying_mask)
		wrong_masks |= 1 << 5;
	return 0;
}
