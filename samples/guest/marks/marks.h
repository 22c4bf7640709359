/* SPDX-License-Identifier: GPL-2.0 */
/* marks.h: what the modules that plant marks share.
 *
 * They change a running kernel in the ways that integrity checks look for, and say in the log what
 * they changed and where: lines "lab: mark {...}".  For isolated guests of the farm alone, which
 * they know by the kernel's command line: elsewhere they refuse to load.  Nothing here hides
 * anything from anybody, nothing survives a boot, and every replaced function does what the
 * original did. */
#pragma once

#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/string.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#define mark(format, ...)                                                                          \
    pr_notice("lab: mark {\"kind\":" format ",\"by\":\"" KBUILD_MODNAME "\"}\n", ##__VA_ARGS__)

typedef unsigned long word;

/* A function in the place of another: it hands on what it was called with, in registers. */
#define IN_PLACE(name)                                                                             \
    static word (*first_##name)(word, word, word, word, word, word);                               \
    static word new_##name(word a, word b, word c, word d, word e, word f)                         \
    {                                                                                              \
        return first_##name(a, b, c, d, e, f);                                                     \
    }

/* No module may ask for a name since 5.7; a kprobe tells the address of the function that is asked.
 */
static unsigned long (*look_up)(const char *name);

static inline bool find_look_up(void)
{
    struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

    if (register_kprobe(&probe))
        return false;
    look_up = (void *)probe.addr;
    unregister_kprobe(&probe);
    /* the probe may stand behind an endbr64 of 4 bytes: an indirect call needs it */
    if (*(u32 *)((u8 *)probe.addr - 4) == 0xfa1e0ff3)
        look_up = (void *)((u8 *)probe.addr - 4);
    return true;
}

/* To be called first: true in a guest of the farm that is there for marks. */
static inline bool in_the_farm(void)
{
    const char *words = NULL;
    char **saved;

    if (!find_look_up())
        return false;
    saved = (void *)look_up("saved_command_line");
    if (saved)
        words = *saved;
#ifdef CONFIG_OF
    else /* the kernel's names are those of functions only */
        of_property_read_string(of_chosen, "bootargs", &words);
#endif
    return words && strstr(words, "lab.scene=marks");
}

static inline void mark_module(const struct module *module)
{
    mark("\"module\",\"name\":\"%s\",\"module\":\"%lx\"", module->name, (unsigned long)module);
}

static inline struct page *page_of(unsigned long at)
{
    if (is_vmalloc_addr((void *)at) || (at >= MODULES_VADDR && at < MODULES_END))
        return vmalloc_to_page((void *)at);
    return pfn_to_page(__pa_symbol(at) >> PAGE_SHIFT);
}

/* Writes to what is read-only in the kernel or a module, through a second mapping of its pages. */
static inline bool overwrite(unsigned long at, const void *data, size_t size)
{
    unsigned long start = at & PAGE_MASK;
    int count = ((at + size - 1) & PAGE_MASK) == start ? 1 : 2;
    struct page *pages[2];
    u8 *alias;
    int i;

    for (i = 0; i < count; i++)
        pages[i] = page_of(start + i * PAGE_SIZE);
    alias = vmap(pages, count, VM_MAP, PAGE_KERNEL);
    if (!alias)
        return false;
    memcpy(alias + (at - start), data, size);
    vunmap(alias);
    return true;
}
