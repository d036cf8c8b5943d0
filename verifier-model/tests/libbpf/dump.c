// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints what libbpf gives to BPF_PROG_LOAD for each program of an object, one
 * program at a time, without a kernel: bpf(2) is answered in here. File
 * descriptors are printed as indices, as examples/load_dump.rs prints them.
 *
 * usage: dump OBJECT [MODULE=BTF_FILE ...]
 *
 * /sys/kernel/btf/vmlinux must be the BTF of the kernel that is meant, the
 * modules' BTF raw and split from it; KCONFIG may name a configuration file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define MAX_MODULES 16
#define MAX_TABLES 256
#define MAX_PROGS 4096

#define LD_IMM64 0x18
#define CALL 0x85

static struct module {
	const char *name;
	void *btf;
	size_t size;
	int fd;
} modules[MAX_MODULES];
static int nr_modules;

/* What is being loaded; NULL while libbpf only probes for features. */
static struct bpf_object *obj;
static struct bpf_program *prog;
static bool maps_printed;

static int table_fds[MAX_TABLES];
static int nr_tables;

static char first_warning[512];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static long raw_syscall(long nr, const long *arg)
{
	register long r10 asm("r10") = arg[3];
	register long r8 asm("r8") = arg[4];
	register long r9 asm("r9") = arg[5];
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(arg[0]), "S"(arg[1]), "d"(arg[2]), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	if (ret < 0 && ret > -4096) {
		errno = -ret;
		return -1;
	}
	return ret;
}

/* Stands for any kernel object; big enough to be mapped as an arena. */
static int new_fd(void)
{
	const long arg[6] = { (long)"bpf", 1 };
	int fd = raw_syscall(SYS_memfd_create, arg);

	if (fd < 0 || ftruncate(fd, 1UL << 33))
		die("memfd");
	return fd;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

/* A map's index; the complement of a descriptor that is none of ours. */
static int map_index(int fd)
{
	struct bpf_map *map;
	int i = 0, j;

	bpf_object__for_each_map(map, obj) {
		if (bpf_map__fd(map) == fd)
			return i;
		i++;
	}
	for (j = 0; j < nr_tables; j++)
		if (table_fds[j] == fd)
			return i + j;
	return ~fd;
}

/* 0 for vmlinux, n + 1 for a module; -1 for none of them. */
static int btf_index(int fd)
{
	int i;

	if (!fd)
		return 0;
	for (i = 0; i < nr_modules; i++)
		if (modules[i].fd == fd)
			return i + 1;
	return -1;
}

static void print_insn(const struct bpf_insn *insns, __u32 i, const int *fd_array)
{
	struct bpf_insn insn = insns[i];

	if (insn.code == LD_IMM64 &&
	    (insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE))
		insn.imm = map_index(insn.imm);
	if (i && insns[i - 1].code == LD_IMM64 && insns[i - 1].src_reg == BPF_PSEUDO_BTF_ID)
		insn.imm = btf_index(insn.imm);
	if (insn.code == CALL && insn.src_reg == BPF_PSEUDO_KFUNC_CALL && insn.off)
		insn.off = btf_index(fd_array[insn.off]);
	printf("i %02x %x %x %d %d\n", insn.code, insn.dst_reg, insn.src_reg, insn.off, insn.imm);
}

static void print_prog(const union bpf_attr *attr)
{
	const int *fd_array = (const int *)attr->fd_array;
	const char *func_info = (const char *)attr->func_info;
	const char *line_info = (const char *)attr->line_info;
	__u32 i;

	printf("prog %s type %u attach %u flags %u insns %u btf %d %u\n",
	       bpf_program__name(prog), attr->prog_type, attr->expected_attach_type,
	       attr->prog_flags, attr->insn_cnt, btf_index(attr->attach_btf_obj_fd),
	       attr->attach_btf_id);
	for (i = 0; i < attr->insn_cnt; i++)
		print_insn((const struct bpf_insn *)attr->insns, i, fd_array);
	for (i = 0; i < attr->func_info_cnt; i++) {
		const __u32 *rec = (const __u32 *)(func_info + i * attr->func_info_rec_size);

		printf("f %u %u\n", rec[0], rec[1]);
	}
	for (i = 0; i < attr->line_info_cnt; i++) {
		const __u32 *rec = (const __u32 *)(line_info + i * attr->line_info_rec_size);

		printf("l %u %u %u %u\n", rec[0], rec[1], rec[2], rec[3]);
	}
}

static long prog_load(const union bpf_attr *attr)
{
	/* The probe for FEAT_LDIMM64_FULL_RANGE_OFF reads the verifier's log. */
	static const char full_range[] = "invalid access to map value pointer";

	if (prog && (const void *)attr->insns == bpf_program__insns(prog)) {
		print_prog(attr);
	} else if (!strcmp(attr->prog_name, "global_reloc")) {
		if (attr->log_buf && attr->log_size >= sizeof(full_range))
			memcpy((void *)attr->log_buf, full_range, sizeof(full_range));
		return fail(EACCES);
	}
	return new_fd();
}

static long map_create(const union bpf_attr *attr)
{
	int fd = new_fd();

	if (obj && attr->map_type == BPF_MAP_TYPE_INSN_ARRAY &&
	    !strcmp(attr->map_name, ".jumptables") && nr_tables < MAX_TABLES)
		table_fds[nr_tables++] = fd;
	return fd;
}

static void print_maps(void)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
		printf("m %s %u %u %u %u %u %llu %u %u\n", bpf_map__name(map), bpf_map__type(map),
		       bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__max_entries(map),
		       bpf_map__map_flags(map), (unsigned long long)bpf_map__map_extra(map),
		       bpf_map__btf_key_type_id(map), bpf_map__btf_value_type_id(map));
}

static long btf_info(const union bpf_attr *attr)
{
	struct bpf_btf_info *info = (struct bpf_btf_info *)attr->info.info;
	int i = btf_index(attr->info.bpf_fd) - 1;
	struct module *mod = &modules[i];

	if (i < 0)
		return 0;
	if (info->name) {
		snprintf((char *)info->name, info->name_len, "%s", mod->name);
		info->name_len = strlen(mod->name);
	}
	if (info->btf && info->btf_size >= mod->size)
		memcpy((void *)info->btf, mod->btf, mod->size);
	info->btf_size = mod->size;
	info->id = i + 1;
	info->kernel_btf = 1;
	return 0;
}

static long fake_bpf(int cmd, union bpf_attr *attr)
{
	switch (cmd) {
	case BPF_PROG_LOAD:
		return prog_load(attr);
	case BPF_MAP_CREATE:
		return map_create(attr);
	case BPF_BTF_LOAD:
	case BPF_RAW_TRACEPOINT_OPEN:
		return new_fd();
	case BPF_LINK_CREATE:
		/* How a kernel that has multi-uprobe links answers the probe. */
		return fail((int)attr->link_create.uprobe_multi.pid == -1 ? EINVAL : EBADF);
	case BPF_BTF_GET_NEXT_ID:
		if ((int)attr->start_id >= nr_modules)
			return fail(ENOENT);
		attr->next_id = attr->start_id + 1;
		return 0;
	case BPF_BTF_GET_FD_BY_ID:
		modules[attr->btf_id - 1].fd = new_fd();
		return modules[attr->btf_id - 1].fd;
	case BPF_OBJ_GET_INFO_BY_FD:
		return btf_info(attr);
	default:
		return 0;
	}
}

/* Takes the place of libc's, for libbpf. */
long syscall(long nr, ...)
{
	long arg[6];
	va_list ap;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_bpf)
		return fake_bpf(arg[0], (union bpf_attr *)arg[1]);
	return raw_syscall(nr, arg);
}

static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !first_warning[0])
		vsnprintf(first_warning, sizeof(first_warning), fmt, ap);
	return 0;
}

static void *map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	/* One byte more, which is zero: it may be read as a string. */
	data = calloc(1, st.st_size + 1);
	if (!data || read(fd, data, st.st_size) != st.st_size)
		die(path);
	close(fd);
	*size = st.st_size;
	return data;
}

static void load_one(const char *path, const char *name, const char *kconfig)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kconfig = kconfig);
	struct bpf_object *loading;
	struct bpf_program *p;
	struct bpf_map *map;
	int err;

	first_warning[0] = 0;
	nr_tables = 0;
	obj = bpf_object__open_file(path, &opts);
	if (!obj) {
		printf("error %s %s\n", name, first_warning);
		return;
	}
	bpf_object__for_each_program(p, obj) {
		bool wanted = !strcmp(bpf_program__name(p), name);

		bpf_program__set_autoload(p, wanted);
		if (wanted)
			prog = p;
	}
	bpf_object__for_each_map(map, obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			bpf_map__set_autocreate(map, true);
	err = bpf_object__prepare(obj);
	if (!err && !maps_printed) {
		print_maps();
		maps_printed = true;
	}
	err = err ?: bpf_object__load(obj);
	if (err)
		printf("error %s %s\n", name, first_warning);
	loading = obj;
	obj = NULL;
	prog = NULL;
	bpf_object__close(loading);
}

int main(int argc, char **argv)
{
	static char *names[MAX_PROGS];
	const char *kconfig = NULL;
	struct bpf_object *first;
	struct bpf_program *p;
	size_t size;
	int i, n = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: dump OBJECT [MODULE=BTF_FILE ...]\n");
		return 2;
	}
	for (i = 2; i < argc && nr_modules < MAX_MODULES; i++) {
		struct module *mod = &modules[nr_modules++];
		char *file = strchr(argv[i], '=');

		if (!file) {
			fprintf(stderr, "dump: '%s' is not MODULE=BTF_FILE\n", argv[i]);
			return 2;
		}
		*file++ = 0;
		mod->name = argv[i];
		mod->btf = map_file(file, &mod->size);
	}
	if (getenv("KCONFIG"))
		kconfig = map_file(getenv("KCONFIG"), &size);
	libbpf_set_print(keep_warning);
	first = bpf_object__open(argv[1]);
	if (!first) {
		printf("open-error %s\n", first_warning);
		return 0;
	}
	bpf_object__for_each_program(p, first)
		if (n < MAX_PROGS)
			names[n++] = strdup(bpf_program__name(p));
	bpf_object__close(first);
	for (i = 0; i < n; i++)
		load_one(argv[1], names[i], kconfig);
	return 0;
}
