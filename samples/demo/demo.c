// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_demo: a device mirrors the address space of a process, step by step.
 *
 * The device is /dev/hmm_dmirror0, a dummy device of test_hmm.ko. The device
 * has its own page table, and accesses the memory of this program only through
 * this table. The program checks each step, and exits with status 1 at the
 * first unexpected result.
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

/* Print a message and exit unless the condition holds. */
#define check(holds, ...)					\
	do {							\
		if (holds)					\
			break;					\
		printf("\nFAILED: " __VA_ARGS__);		\
		printf("\n");					\
		_exit(1);					\
	} while (0)

static int device;
static size_t page_size;

static void set_text(char *mem, const char *text)
{
	memcpy(mem, text, strlen(text) + 1);
}

/* Run a command of the device on one page. Returns 0, or -1 and sets errno. */
static int device_command(unsigned long request, const void *addr, void *buffer)
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

	check(!ioctl(device, HMM_DMIRROR_STATS, &stats),
	      "HMM_DMIRROR_STATS: %m");
	return stats;
}

/* Let the device read the page at addr, and compare it with text. */
static void device_reads(const void *addr, const char *text)
{
	char buffer[page_size];

	check(!device_command(HMM_DMIRROR_READ, addr, buffer),
	      "the device cannot read: %m");
	printf("   device reads \"%s\"\n", buffer);
	check(!strcmp(buffer, text), "expected \"%s\"", text);
}

static void device_writes(void *addr, const char *text)
{
	char *buffer = calloc(1, page_size);

	check(buffer, "calloc: %m");
	set_text(buffer, text);
	check(!device_command(HMM_DMIRROR_WRITE, addr, buffer),
	      "the device cannot write: %m");
	free(buffer);
	printf("   device writes \"%s\"\n", text);
}

static void cpu_reads(const char *who, const char *addr, const char *text)
{
	printf("   %s reads \"%s\"\n", who, addr);
	check(!strcmp(addr, text), "expected \"%s\"", text);
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
		[HMM_DMIRROR_PROT_ERROR] = "not mapped: an access would fail",
		[HMM_DMIRROR_PROT_NONE] = "no page yet: an access would fault one in",
		[HMM_DMIRROR_PROT_READ] = "read-only",
		[HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_ZERO] =
			"read-only, the shared zero page",
		[HMM_DMIRROR_PROT_WRITE] = "read and write",
		[HMM_DMIRROR_PROT_WRITE | HMM_DMIRROR_PROT_PMD] =
			"read and write, part of a huge page",
	};

	return texts[prot] ? texts[prot] : "unexpected entry";
}

static void show_page(const char *what, const void *addr, unsigned int wanted)
{
	unsigned char prot = 0;

	check(!device_command(HMM_DMIRROR_SNAPSHOT, addr, &prot),
	      "HMM_DMIRROR_SNAPSHOT: %m");
	printf("   %p  %-24s %s\n", addr, what, describe(prot));
	check(prot == wanted, "expected 0x%02x instead of 0x%02x", wanted,
	      prot);
}

/* Map a huge page and write to it. Returns NULL if no huge page is mapped. */
static char *map_huge(void)
{
	/* The memory under one page table, which is a page of 8-byte entries. */
	const size_t size = page_size * page_size / 8;
	char *mem = map(2 * size);
	unsigned char prot = 0;

	mem += -(uintptr_t)mem % size;
	madvise(mem, size, MADV_HUGEPAGE);
	memset(mem, 1, size);
	device_command(HMM_DMIRROR_SNAPSHOT, mem, &prot);
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

	printf("   %-14s  %-24s %s\n", "address", "history",
	       "entry in the CPU's page table");
	show_page("written", mem, HMM_DMIRROR_PROT_WRITE);
	show_page("only read", mem + page_size,
		  HMM_DMIRROR_PROT_READ | HMM_DMIRROR_PROT_ZERO);
	show_page("not accessed", mem + 2 * page_size, HMM_DMIRROR_PROT_NONE);
	show_page("written, then read-only", mem + 3 * page_size,
		  HMM_DMIRROR_PROT_READ);
	show_page("unmapped", mem + 4 * page_size, HMM_DMIRROR_PROT_ERROR);
	if (huge)
		show_page("written, 2 MiB at once", huge,
			  HMM_DMIRROR_PROT_WRITE | HMM_DMIRROR_PROT_PMD);
	else
		printf("   (this kernel provided no huge page)\n");
	check(get_stats().faults == faults, "a snapshot caused a fault");
	printf("   The snapshots did not fault in any page.\n");
}

/* The child must read the text that was written before the fork. */
static void show_copy_on_write(char *mem)
{
	int pipefd[2], status;
	pid_t pid;

	set_text(mem, "before the fork");
	printf("   parent writes \"%s\" and forks\n", mem);
	check(!pipe(pipefd), "pipe: %m");
	pid = fork();
	check(pid >= 0, "fork: %m");
	if (!pid) {
		close(pipefd[1]);
		check(read(pipefd[0], &status, 1) == 1,
		      "the parent has exited");
		cpu_reads("child ", mem, "before the fork");
		_exit(0);
	}
	show_page("after the fork", mem, HMM_DMIRROR_PROT_READ);
	device_writes(mem, "for the parent only");
	show_page("after the write", mem, HMM_DMIRROR_PROT_WRITE);
	cpu_reads("parent", mem, "for the parent only");
	check(write(pipefd[1], "", 1) == 1 && waitpid(pid, &status, 0) == pid &&
	      !status, "the child did not read the text from before the fork");
	printf("   The write of the device broke copy-on-write: the parent has its own page.\n");
}

static void show_munmap(void)
{
	struct hmm_dmirror_stats before, after;
	char *mem = map(page_size), buffer[page_size];

	set_text(mem, "soon to be unmapped");
	device_reads(mem, "soon to be unmapped");
	before = get_stats();
	check(!munmap(mem, page_size), "munmap: %m");
	after = get_stats();
	printf("   munmap: the device received %llu invalidation(s) and dropped %llu page(s)\n",
	       after.invalidations - before.invalidations,
	       after.dropped - before.dropped);
	check(after.dropped == before.dropped + 1, "expected 1 page");

	check(device_command(HMM_DMIRROR_READ, mem, buffer),
	      "the device can still read the page");
	check(errno == EFAULT, "expected EFAULT instead of: %m");
	printf("   device reads: EFAULT (%m), because nothing is mapped at this address\n");
}

static void *read_in_thread(void *mem)
{
	device_reads(mem, "new");
	return NULL;
}

/*
 * Replace a page after the device has faulted it in and before the device adds
 * it to its page table. A stop point stops the device in between.
 */
static void show_collision(char *mem)
{
	struct hmm_dmirror_point point = {
		.point = HMM_DMIRROR_POINT_FAULTED,
		.timeout_ms = 10000,
	};
	struct hmm_dmirror_stats before = get_stats(), after;
	pthread_t thread;

	check(!madvise(mem, page_size, MADV_DONTNEED), "madvise: %m");
	set_text(mem, "old");
	check(!ioctl(device, HMM_DMIRROR_STOP_AT, &point),
	      "HMM_DMIRROR_STOP_AT: %m");
	check(!pthread_create(&thread, NULL, read_in_thread, mem),
	      "cannot create a thread");
	check(!ioctl(device, HMM_DMIRROR_WAIT_AT, &point),
	      "HMM_DMIRROR_WAIT_AT: %m");
	printf("   device faults in the page with \"%s\", and stops\n", mem);
	check(!madvise(mem, page_size, MADV_DONTNEED), "madvise: %m");
	set_text(mem, "new");
	printf("   CPU replaces it with a page that contains \"%s\"\n", mem);
	check(!ioctl(device, HMM_DMIRROR_GO_ON, &point),
	      "HMM_DMIRROR_GO_ON: %m");
	pthread_join(thread, NULL);
	after = get_stats();
	printf("   The device detected %llu collision(s) and retried.\n",
	       after.collisions - before.collisions);
	check(after.collisions > before.collisions, "no collision was counted");
}

int main(void)
{
	struct hmm_dmirror_stats stats;
	char *mem;

	/* The child and the thread also print, so do not buffer the output. */
	setvbuf(stdout, NULL, _IONBF, 0);
	page_size = sysconf(_SC_PAGESIZE);
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	check(device >= 0,
	      "cannot open " DEVICE ": %m (is test_hmm.ko loaded?)");
	mem = map(page_size);
	printf(DEVICE " now mirrors the address space of this process.\n");

	puts("\n1. The device reads what the CPU wrote");
	set_text(mem, "written by the CPU");
	printf("   CPU writes \"%s\"\n", mem);
	device_reads(mem, "written by the CPU");

	puts("\n2. The CPU reads what the device wrote");
	device_writes(mem, "written by the device");
	cpu_reads("CPU", mem, "written by the device");

	puts("\n3. Snapshots of the CPU's page table, page by page");
	show_snapshot();

	puts("\n4. Copy-on-write: the device writes to a page that a fork shares");
	show_copy_on_write(mem);

	puts("\n5. munmap: the device must drop the page");
	show_munmap();

	puts("\n6. A collision: the process replaces a page while the device reads it");
	show_collision(mem);

	puts("\n7. The counters of the device");
	stats = get_stats();
	printf("   %4llu faults         accesses that its page table did not permit\n"
	       "   %4llu invalidations  notifications that pages were about to change\n"
	       "   %4llu collisions     reads that collided with an invalidation\n",
	       stats.faults, stats.invalidations, stats.collisions);
	check(stats.faults && stats.invalidations && stats.collisions,
	      "a counter is 0");
	printf("\nAll steps passed.\n");
	return 0;
}
