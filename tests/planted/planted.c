// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bugs of the kinds that a walk over CPUs could have. `insmod planted.ko bug=NAME` commits one, for a
 * kernel that looks for such; the module is never loaded then.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kfence.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

static char *bug = "";
module_param(bug, charp, 0);

static unsigned long *mask;
static unsigned int planted_shift = BITS_PER_LONG;
static struct cpumask __rcu *published;
static unsigned long racy;

/* A mask of 1024 CPUs, whose words fill what the kernel gives. */
#define WORDS 16

/*
 * A kernel that takes samples watches one allocation in a millisecond, and one that has its end at
 * that of a page is beyond it. KASAN watches each.
 */
static noinline void planted_masks(void (*misuse)(void))
{
	int tries = IS_ENABLED(CONFIG_KASAN) ? 1 : 2000, watched = 0;

	for (int i = 0; i < tries && watched < 8; i++) {
		mask = kzalloc(WORDS * sizeof(*mask), GFP_KERNEL);
		if (!mask)
			return;
		watched += is_kfence_address(mask);
		misuse();
		usleep_range(500, 1000);
	}
}

/* A walk that goes on to the word after the last. */
static noinline void planted_beyond(void)
{
	racy = READ_ONCE(mask[WORDS]);
	kfree(mask);
}

/* A copy into memory that is a word too small. */
static noinline void planted_written(void)
{
	mask = kzalloc(WORDS * sizeof(*mask), GFP_KERNEL);
	if (mask)
		WRITE_ONCE(mask[WORDS], 1);
	kfree(mask);
}

/* A walk over a mask that was freed. */
static noinline void planted_freed(void)
{
	kfree(mask);
	racy = READ_ONCE(*mask);
}

/* A copy that nobody frees: the address is forgotten. */
static noinline void planted_leak(void)
{
	for (int i = 0; i < 8; i++)
		mask = kzalloc(cpumask_size(), GFP_KERNEL);
	mask = NULL;
}

/* What may wait, inside of the section that the mask is under. */
static noinline void planted_sleep(void)
{
	rcu_read_lock();
	kfree(kzalloc(cpumask_size(), GFP_KERNEL));
	rcu_read_unlock();
}

/* A mask that was published, read outside of any section. */
static noinline void planted_unprotected(void)
{
	racy = (unsigned long)rcu_dereference(published);
}

/* A bit that no word has. */
static noinline void planted_bit(void)
{
	racy = 1UL << planted_shift;
}

static const struct {
	const char *name;
	void (*commit)(void);
	bool of_masks;
} bugs[] = {
	{ "beyond", planted_beyond, true },
	{ "freed", planted_freed, true },
	{ "written", planted_written },
	{ "leak", planted_leak },
	{ "sleep", planted_sleep },
	{ "unprotected", planted_unprotected },
	{ "bit", planted_bit },
};

static int __init planted_init(void)
{
	for (int i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bugs[i].name, bug))
			continue;
		if (bugs[i].of_masks)
			planted_masks(bugs[i].commit);
		else
			bugs[i].commit();
		return -ECANCELED;
	}
	return -EINVAL;
}
module_init(planted_init);

MODULE_DESCRIPTION("Bugs for those that look for them");
MODULE_LICENSE("GPL");
