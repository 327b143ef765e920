// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware: registers, interrupt, DMA. QEMU's documentation of "edu"
 * describes the registers.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/pci.h>

#include "engine.h"

#define EDU_LIVENESS		0x04	/* returns the complement of a write */
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_RAISE		0x60
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define   EDU_DMA_RUN		BIT(0)
#define   EDU_DMA_TO_MEMORY	BIT(1)
#define   EDU_DMA_RAISE_IRQ	BIT(2)
#define EDU_IRQ_DMA		BIT(8)
#define EDU_BUFFER		0x40000

/* The value of every register of a removed device. */
#define EDU_ABSENT		(~0U)

/* QEMU completes a DMA after 100 ms, or later on a busy host. */
#define EDU_TIMEOUT_SECS	10

static u32 edu_read(struct edu_device *edu, unsigned int reg)
{
	return edu->test_removed ? EDU_ABSENT : readl(edu->mmio + reg);
}

static void edu_stop_locked(struct edu_device *edu, int error, const char *why)
{
	lockdep_assert_held(&edu->lock);
	if (edu->error)
		return;
	pci_clear_master(to_pci_dev(edu->dev));
	if (why)
		dev_err(edu->dev, "%s, bus mastering disabled\n", why);
	/*
	 * Pairs with the acquire in edu_dma_has_ended(): pages are unmapped
	 * only after bus mastering was disabled.
	 */
	smp_store_release(&edu->error, error);
	wake_up_all(&edu->wait);
}

/*
 * Stop the device. On return it no longer accesses memory. Waiters wake up, and
 * every new DMA fails with @error, or with the earlier error if the device was
 * already stopped. The device cannot be used until it is probed again.
 */
void edu_stop(struct edu_device *edu, int error, const char *why)
{
	unsigned long flags;

	spin_lock_irqsave(&edu->lock, flags);
	edu_stop_locked(edu, error, why);
	spin_unlock_irqrestore(&edu->lock, flags);
}

irqreturn_t edu_irq(int irq, void *data)
{
	struct edu_device *edu = data;
	irqreturn_t ret = IRQ_NONE;
	u32 status;

	spin_lock(&edu->lock);
	status = edu_read(edu, EDU_IRQ_STATUS);
	if (status == EDU_ABSENT) {
		edu_stop_locked(edu, -EIO, "device removed");
	} else if (status) {
		writel(status, edu->mmio + EDU_IRQ_ACK);
		ret = IRQ_HANDLED;
		/*
		 * The interrupt may be a late one from an earlier DMA, so check
		 * that the DMA in flight has finished. A DMA that was aborted
		 * when the device was stopped must not count as finished.
		 */
		if (!edu->error && (status & EDU_IRQ_DMA) &&
		    !(edu_read(edu, EDU_DMA_CMD) & EDU_DMA_RUN)) {
			/* Pairs with the acquire in edu_dma_has_ended(). */
			smp_store_release(&edu->done, edu->started);
			wake_up_all(&edu->wait);
		}
	}
	spin_unlock(&edu->lock);
	return ret;
}

/*
 * Start a DMA and store its number, for edu_dma_wait(), in *@dma. The caller
 * must hold edu->engine_lock and the update lock that keeps @addr mapped.
 */
int edu_dma_start(struct edu_device *edu, dma_addr_t addr, size_t length,
		  enum dma_data_direction dir, unsigned long *dma)
{
	u32 cmd = EDU_DMA_RUN | EDU_DMA_RAISE_IRQ;
	/* The DMA mask has 28 bits, so the address fits into 32 bits. */
	u32 src = addr, dst = EDU_BUFFER;
	unsigned long flags;
	int ret;

	lockdep_assert_held(&edu->engine_lock);
	if (dir == DMA_FROM_DEVICE) {
		cmd |= EDU_DMA_TO_MEMORY;
		swap(src, dst);
	}
	spin_lock_irqsave(&edu->lock, flags);
	/* A removed device reads as all ones, so EDU_DMA_RUN is set, too. */
	if (!edu->error && (edu_read(edu, EDU_DMA_CMD) & EDU_DMA_RUN))
		edu_stop_locked(edu, -EIO, "device busy or removed");
	ret = edu->error;
	if (!ret) {
		if (edu->test_lost_irq == edu->started + 1)
			cmd &= ~EDU_DMA_RAISE_IRQ;
		writel(src, edu->mmio + EDU_DMA_SRC);
		writel(dst, edu->mmio + EDU_DMA_DST);
		writel(length, edu->mmio + EDU_DMA_COUNT);
		writel(cmd, edu->mmio + EDU_DMA_CMD);
		*dma = ++edu->started;
	}
	spin_unlock_irqrestore(&edu->lock, flags);
	return ret;
}

/* Returns true if DMA @dma has finished or the device was stopped. */
bool edu_dma_has_ended(struct edu_device *edu, unsigned long dma)
{
	/* Pairs with the release in edu_irq(). */
	if (smp_load_acquire(&edu->done) >= dma)
		return true;
	/* Pairs with the release in edu_stop_locked(). */
	return smp_load_acquire(&edu->error);
}

/*
 * Wait until DMA @dma has ended. Callbacks wait here, so the wait must be
 * bounded: the device is stopped if the DMA does not finish in time.
 */
void edu_dma_wait(struct edu_device *edu, unsigned long dma)
{
	if (edu_dma_has_ended(edu, dma))
		return;
	atomic_long_inc(&edu->waited);
	if (!wait_event_timeout(edu->wait, edu_dma_has_ended(edu, dma),
				EDU_TIMEOUT_SECS * HZ))
		edu_stop(edu, -EIO, "DMA timed out");
}

/*
 * Wait until DMA @dma has ended, and return its result. If the task is killed,
 * the wait ends early and the DMA continues; the invalidation at the exit of
 * the process waits for the DMA.
 */
int edu_dma_wait_killable(struct edu_device *edu, unsigned long dma)
{
	long left = wait_event_killable_timeout(edu->wait,
						edu_dma_has_ended(edu, dma),
						EDU_TIMEOUT_SECS * HZ);

	if (left < 0)
		return left;
	if (!left)
		edu_stop(edu, -EIO, "DMA timed out");
	return READ_ONCE(edu->done) >= dma ? 0 : READ_ONCE(edu->error);
}

/*
 * Acquire the engine lock and wait until the device is idle. The DMA of a task
 * that was killed may still be in flight.
 */
int edu_engine_lock(struct edu_device *edu)
{
	int ret;

	ret = mutex_lock_killable(&edu->engine_lock);
	if (ret)
		return ret;
	ret = edu_dma_wait_killable(edu, edu->started);
	if (ret)
		mutex_unlock(&edu->engine_lock);
	return ret;
}

void edu_engine_unlock(struct edu_device *edu)
{
	mutex_unlock(&edu->engine_lock);
}

/*
 * For probe: check that the device is present, wait until it is idle, and
 * acknowledge a pending interrupt.
 */
int edu_engine_init(struct edu_device *edu)
{
	u32 cmd;
	int ret;

	writel(0xed00, edu->mmio + EDU_LIVENESS);
	if (readl(edu->mmio + EDU_LIVENESS) != ~0xed00U)
		return -ENODEV;
	/* A DMA of the previously bound driver may still be in flight. */
	ret = readl_poll_timeout(edu->mmio + EDU_DMA_CMD, cmd,
				 !(cmd & EDU_DMA_RUN), USEC_PER_MSEC,
				 EDU_TIMEOUT_SECS * USEC_PER_SEC);
	if (ret)
		return ret;
	writel(readl(edu->mmio + EDU_IRQ_STATUS), edu->mmio + EDU_IRQ_ACK);
	return 0;
}

/* For tests: raise the DMA interrupt, even if no DMA has finished. */
void edu_test_raise_irq(struct edu_device *edu)
{
	unsigned long flags;

	spin_lock_irqsave(&edu->lock, flags);
	if (!edu->error)
		writel(EDU_IRQ_DMA, edu->mmio + EDU_IRQ_RAISE);
	spin_unlock_irqrestore(&edu->lock, flags);
}
