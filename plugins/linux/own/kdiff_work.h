/** own/kdiff_work.h - what the files of kdiff share: one part of the code, and its file. */
#ifndef EG_LINUX_KDIFF_WORK_H
#define EG_LINUX_KDIFF_WORK_H

#include "../../../core/run.h"
#include "../kernel/step.h"
#include "kdiff.h"

/** "mov x9, x30": AArch64 keeps the return address before ftrace's call. */
#define LINUX_KDIFF_MOV_X9_X30 UINT32_C(0xaa1e03e9)

struct linux_kdiff_work {
    struct eg_run *r;
    const struct eg_arch *arch;
    const struct linux_ktext_part *p;
    const struct linux_kfile *f;
    struct linux_kdiffs *out;
    const uint8_t *live;
    uint8_t *want; /* what the file has; places that are explained become what is live */
    size_t len;
    struct linux_kdiff_site *sites; /* of a module, by kind and address */
    size_t n_sites;
};

static inline bool linux_kdiff_inside(const struct linux_kdiff_work *w, uint64_t at, size_t len)
{
    return at >= w->p->first && eg_within(at - w->p->first, len, w->len);
}

/** Is there an entry of @size bytes at @n of a table? A false file has more of them than code. */
static inline bool linux_kdiff_entry(const struct linux_kdiff_work *w,
                                     const struct linux_kfile_section *t, uint64_t n, size_t size)
{
    return t && eg_within(n, size, t->size) && n / size <= w->len / 2 && !eg_stopped(w->r);
}

/** The place that the distance at @n of a table leads to. */
static inline uint64_t linux_kdiff_place(const struct linux_kfile_section *t, uint64_t n)
{
    return t->addr + n + (uint64_t)(int64_t)(int32_t)eg_le32(t->bytes + n);
}

static inline bool linux_kdiff_step(const struct linux_kdiff_work *w, const uint8_t *b, size_t len,
                                    uint64_t at, struct linux_step *s)
{
    return linux_step_at(w->arch, b, len, at, s);
}

/** The kernel may have written what is there. */
void linux_kdiff_accept(struct linux_kdiff_work *w, uint64_t at, size_t len,
                        enum linux_kdiff_kind kind);
/** Does the name of what is at @target begin with @prefix? */
bool linux_kdiff_named(struct linux_kdiff_work *w, uint64_t target, const char *prefix);
/** Is the code @b what stands for a jump or call to the thunk at @thunk? */
bool linux_kdiff_retpoline(struct linux_kdiff_work *w, const uint8_t *b, size_t len, uint64_t at,
                           uint64_t thunk);

/* kdiff_alt.c: instructions chosen for this processor. */
void linux_kdiff_alternatives(struct linux_kdiff_work *w);
void linux_kdiff_paravirt(struct linux_kdiff_work *w);
/* kdiff_arm64.c: all of that for a boot image of AArch64, which has no sections. */
void linux_kdiff_arm64(struct linux_kdiff_work *w);
/* kdiff_live.c: what is patched while the kernel runs. */
void linux_kdiff_live(struct linux_kdiff_work *w);

#endif
