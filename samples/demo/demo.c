// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_demo: shows a process being mirrored by a device, step by step.
 *
 * The device is /dev/hmm_dmirror0, a dummy that test_hmm.ko makes: it has a
 * page table of its own, and accesses this program's memory only through it.
 * Each step is checked; the program exits with 1 as soon as something is not
 * as it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hmm/test_hmm.h>

#define DEVICE "/dev/hmm_dmirror0"

/* What must hold; if it does not, say so and end. */
#define check(holds, ...)					\
	do {							\
		if (holds)					\
			break;					\
		printf("\nNot as it should be: " __VA_ARGS__);	\
		printf("\n");					\
		_exit(1);					\
	} while (0)

static int device;
static size_t page_size;

static void put(char *mem, const char *text)
{
	memcpy(mem, text, strlen(text) + 1);
}

/* One command to the device, for one page. Returns 0, or -1 and errno. */
static int command(unsigned long request, const void *addr, void *buffer)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)addr,
		.ptr = (uintptr_t)buffer,
		.npages = 1,
	};

	return ioctl(device, request, &cmd);
}

static struct hmm_dmirror_stats get_stats(void)
{
	struct hmm_dmirror_stats stats;

	check(!ioctl(device, HMM_DMIRROR_STATS, &stats), "STATS: %m");
	return stats;
}

/* The device reads the page at addr, and it must find this text there. */
static void device_reads(const void *addr, const char *text)
{
	char buffer[page_size];

	check(!command(HMM_DMIRROR_READ, addr, buffer),
	      "the device could not read: %m");
	printf("   device reads \"%s\"\n", buffer);
	check(!strcmp(buffer, text), "it should have read \"%s\"", text);
}

static void device_writes(void *addr, const char *text)
{
	char *buffer = calloc(1, page_size);

	check(buffer, "calloc: %m");
	put(buffer, text);
	check(!command(HMM_DMIRROR_WRITE, addr, buffer),
	      "the device could not write: %m");
	free(buffer);
	printf("   device writes \"%s\"\n", text);
}

static void cpu_reads(const char *who, const char *addr, const char *text)
{
	printf("   %s reads \"%s\"\n", who, addr);
	check(!strcmp(addr, text), "it should have read \"%s\"", text);
}

static void *map(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(mem != MAP_FAILED, "mmap: %m");
	return mem;
}

static const char *describe(unsigned int prot)
{
	static const char *const texts[256] = {
		[HMM_DMIRROR_PROT_ERROR] = "nothing mapped: an access would fail",
		[HMM_DMIRROR_PROT_NONE] = "no page yet: an access would fault one in",
		[HMM_DMIRROR_PROT_READ] = "read only",
		[HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_ZERO] =
			"read only, the shared zero page",
		[HMM_DMIRROR_PROT_WRITE] = "read and write",
		[HMM_DMIRROR_PROT_WRITE | HMM_DMIRROR_PROT_PMD] =
			"read and write, part of a huge page",
	};

	return texts[prot] ? texts[prot] : "something else";
}

static void show_page(const char *what, const void *addr, unsigned int wanted)
{
	unsigned char prot = 0;

	check(!command(HMM_DMIRROR_SNAPSHOT, addr, &prot), "snapshot: %m");
	printf("   %p  %-24s %s\n", addr, what, describe(prot));
	check(prot == wanted, "0x%02x was expected, not 0x%02x", wanted, prot);
}

/* A huge page that is written to, or NULL where there is none to be had. */
static char *map_huge(void)
{
	const size_t size = 2 << 20;
	char *mem = map(2 * size);
	unsigned char prot = 0;

	mem += -(uintptr_t)mem % size;
	madvise(mem, size, MADV_HUGEPAGE);
	memset(mem, 1, size);
	command(HMM_DMIRROR_SNAPSHOT, mem, &prot);
	return prot & HMM_DMIRROR_PROT_PMD ? mem : NULL;
}

static void show_snapshot(void)
{
	char *mem = map(5 * page_size);
	char *huge = map_huge();
	const __u64 faults = get_stats().faults;

	mem[0] = 'x';
	check(mem[page_size] == 0, "fresh memory is not zero");
	mem[3 * page_size] = 'x';
	check(!mprotect(mem + 3 * page_size, page_size, PROT_READ) &&
	      !munmap(mem + 4 * page_size, page_size), "mprotect, munmap: %m");

	printf("   %-14s  %-24s %s\n", "address", "what we did with it",
	       "what the CPU's page table says");
	show_page("wrote to it", mem, HMM_DMIRROR_PROT_WRITE);
	show_page("only read from it", mem + page_size,
		  HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_ZERO);
	show_page("nothing", mem + 2 * page_size, HMM_DMIRROR_PROT_NONE);
	show_page("wrote, made it read-only", mem + 3 * page_size,
		  HMM_DMIRROR_PROT_READ);
	show_page("unmapped it", mem + 4 * page_size, HMM_DMIRROR_PROT_ERROR);
	if (huge)
		show_page("wrote to 2 MiB at once", huge,
			  HMM_DMIRROR_PROT_WRITE | HMM_DMIRROR_PROT_PMD);
	else
		printf("   (this kernel gave us no huge page to show)\n");
	check(get_stats().faults == faults, "a snapshot made the device fault");
	printf("   Looking faulted nothing in.\n");
}

/* The child sees what was there at the fork, whatever is written later. */
static void show_copy_on_write(char *mem)
{
	int gate[2], status;
	pid_t pid;

	put(mem, "before the fork");
	printf("   parent writes \"%s\" and forks\n", mem);
	check(!pipe(gate), "pipe: %m");
	pid = fork();
	check(pid >= 0, "fork: %m");
	if (!pid) {
		close(gate[1]);
		check(read(gate[0], &status, 1) == 1, "the parent has gone");
		cpu_reads("child ", mem, "before the fork");
		_exit(0);
	}
	show_page("after the fork", mem, HMM_DMIRROR_PROT_READ);
	device_writes(mem, "for the parent only");
	show_page("after the write", mem, HMM_DMIRROR_PROT_WRITE);
	cpu_reads("parent", mem, "for the parent only");
	check(write(gate[1], "", 1) == 1 && waitpid(pid, &status, 0) == pid &&
	      !status, "the child saw something else");
	printf("   The device's write gave the parent a page of its own.\n");
}

static void show_munmap(void)
{
	struct hmm_dmirror_stats before, after;
	char *mem = map(page_size), buffer[page_size];

	put(mem, "soon to be unmapped");
	device_reads(mem, "soon to be unmapped");
	before = get_stats();
	check(!munmap(mem, page_size), "munmap: %m");
	after = get_stats();
	printf("   munmap: the device was told %llu time(s), and dropped %llu page(s)\n",
	       after.invalidations - before.invalidations,
	       after.dropped - before.dropped);
	check(after.dropped == before.dropped + 1, "it should have been 1");

	check(command(HMM_DMIRROR_READ, mem, buffer),
	      "the device could still read it");
	check(errno == EFAULT, "the error is not EFAULT: %m");
	printf("   device reads: fails with EFAULT (%m), as nothing is mapped there\n");
}

static void *read_in_thread(void *mem)
{
	device_reads(mem, "new");
	return NULL;
}

/*
 * The device has looked up the page, but not yet taken it into its table, when
 * the page is replaced. We make it stop just there.
 */
static void show_collision(char *mem)
{
	struct hmm_dmirror_point here = {
		.point = HMM_DMIRROR_POINT_FAULTED,
		.timeout_ms = 10000,
	};
	struct hmm_dmirror_stats before = get_stats(), after;
	pthread_t thread;

	check(!madvise(mem, page_size, MADV_DONTNEED), "madvise: %m");
	put(mem, "old");
	check(!ioctl(device, HMM_DMIRROR_STOP_AT, &here), "STOP_AT: %m");
	check(!pthread_create(&thread, NULL, read_in_thread, mem),
	      "there is no thread to be had");
	check(!ioctl(device, HMM_DMIRROR_WAIT_AT, &here), "WAIT_AT: %m");
	printf("   device finds the page with \"%s\", and is held up\n", mem);
	check(!madvise(mem, page_size, MADV_DONTNEED), "madvise: %m");
	put(mem, "new");
	printf("   another page, with \"%s\", takes its place\n", mem);
	check(!ioctl(device, HMM_DMIRROR_GO_ON, &here), "GO_ON: %m");
	pthread_join(thread, NULL);
	after = get_stats();
	printf("   It noticed, and looked again: %llu collision(s).\n",
	       after.collisions - before.collisions);
	check(after.collisions > before.collisions, "no collision was counted");
}

int main(void)
{
	struct hmm_dmirror_stats stats;
	char *mem;

	/* The child and the thread print, too. */
	setvbuf(stdout, NULL, _IONBF, 0);
	page_size = sysconf(_SC_PAGESIZE);
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	check(device >= 0, DEVICE ": %m. Is test_hmm.ko loaded?");
	mem = map(page_size);
	printf("This process is now mirrored by " DEVICE ".\n");

	puts("\n1. The device reads what the CPU wrote");
	put(mem, "written by the CPU");
	printf("   CPU writes \"%s\"\n", mem);
	device_reads(mem, "written by the CPU");

	puts("\n2. The CPU reads what the device wrote");
	device_writes(mem, "written by the device");
	cpu_reads("CPU", mem, "written by the device");

	puts("\n3. A snapshot: what the CPU's page table says, page by page");
	show_snapshot();

	puts("\n4. Copy-on-write: the device writes to memory shared by a fork");
	show_copy_on_write(mem);

	puts("\n5. munmap: the device must let go of a page");
	show_munmap();

	puts("\n6. A collision: the process changes what the device has just looked up");
	show_collision(mem);

	puts("\n7. What the device has seen in all");
	stats = get_stats();
	printf("   %4llu faults         it lacked a page, and asked for it\n"
	       "   %4llu invalidations  it was told that pages go away or change\n"
	       "   %4llu collisions     it had to ask again, since they just had\n",
	       stats.faults, stats.invalidations, stats.collisions);
	check(stats.faults && stats.invalidations && stats.collisions,
	      "none of them should be 0");
	printf("\nAll of it was as it should be.\n");
	return 0;
}
