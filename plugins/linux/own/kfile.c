/* kfile.c - the kernel as its file has it. */
#include "kfile.h"
#include "../mm/elf.h"
#include "kelf.h"

#include <string.h>

enum {
    FILE_MAX = 128 << 20, /* of a boot image */
    KEPT_MAX = 256,       /* sections: a kernel has 30 that are wanted */
    RELOCATIONS_MAX = 1 << 22,
};

/* Documentation/arch/x86/boot.rst: payload_offset and payload_length, since protocol 2.08; the last
 * four bytes of the payload are how much it makes. */
static bool unpack(struct eg_run *r, struct linux_kelf *k, const char **why)
{
    const uint8_t *b = k->image;
    uint64_t at, n;
    size_t len;

    *why = "neither an ELF file nor a boot image of x86";
    if (k->len < 0x250 || memcmp(b + 0x202, "HdrS", 4) != 0 || eg_le16(b + 0x206) < 0x208)
        return false;
    at = ((uint64_t)(b[0x1f1] ? b[0x1f1] : 4) + 1) * 512 + eg_le32(b + 0x248);
    n = eg_le32(b + 0x24c);
    *why = "the boot image is cut off or damaged";
    if (n < 16 || !eg_within(at, n, k->len))
        return false;
    len = eg_le32(b + at + n - 4);
    return len && len <= LINUX_KELF_MAX && linux_kelf_unpack(r, k, b + at, (size_t)n - 4, len, why);
}

/* ---- its sections ---- */

static bool wanted(const char *name)
{
    static const char *const prefixes[] = { ".text",      ".rodata",  ".alt",   ".para",
                                            ".retpoline", ".return",  ".call_", ".ibt",
                                            ".smp",       "runtime_", NULL };

    for (const char *const *p = prefixes; *p; p++)
        if (!strncmp(name, *p, strlen(*p)))
            return true;
    return false;
}

static void keep_sections(struct eg_run *r, struct linux_kelf *k, struct linux_kfile *out)
{
    out->sections = eg_tmp(r, KEPT_MAX * sizeof *out->sections);
    for (unsigned i = 0; i < k->n_sections && out->n_sections < KEPT_MAX; i++) {
        const struct linux_kelf_section *s = &k->section[i];
        uint8_t *bytes;

        if (!(s->flags & ELF_ALLOC) || s->type == ELF_NOBITS || !wanted(s->name) ||
            !(bytes = linux_kelf_copy(r, k, s)))
            continue;
        out->sections[out->n_sections++] =
            (struct linux_kfile_section){ .name = s->name,
                                          .addr = s->addr + (uint64_t)out->shift,
                                          .size = s->size,
                                          .bytes = bytes,
                                          .code = s->flags & ELF_EXECINSTR };
    }
}

/* ---- its relocations ---- */

static void relocate(struct linux_kfile *f, int32_t at, unsigned width, int64_t by)
{
    const uint64_t addr = (uint64_t)(int64_t)at + (uint64_t)f->shift;
    uint8_t *p = (uint8_t *)linux_kfile_at(f, addr, width); // of this file's own making
    uint64_t value;

    if (!p)
        return;
    value = (width == 8 ? eg_le64(p) : eg_le32(p)) + (uint64_t)by;
    for (unsigned i = 0; i < width; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* arch/x86/tools/relocs.c: behind the ELF file, each after a zero, the addresses of words of 8
 * bytes, until 6.14 those of words that say how far a per-CPU variable is, those of 4 bytes. */
static void apply_relocations(struct linux_kfile *f, const uint8_t *p, size_t n)
{
    unsigned lists = 0, list = 0;

    for (size_t i = 0; i < n; i++)
        lists += !eg_le32(p + 4 * i);
    if (n < 3 || n > RELOCATIONS_MAX || eg_le32(p) || lists < 2 || lists > 3)
        return;
    for (size_t i = 0; i < n; i++) {
        const int32_t at = (int32_t)eg_le32(p + 4 * i);

        if (!at)
            list++;
        else if (list == 1)
            relocate(f, at, 8, f->shift);
        else
            relocate(f, at, 4, list == 2 && lists == 3 ? -f->shift : f->shift);
    }
    f->relocated = true;
}

bool linux_kfile_of(struct eg_run *r, struct linux_kelf *k, int64_t shift, struct linux_kfile *out,
                    const char **why)
{
    uint8_t magic[4] = { 0 };

    *out = (struct linux_kfile){ .shift = shift };
    if (!eg_read(eg_view_of(r), k->file, 0, magic, sizeof magic) ||
        memcmp(magic, "\177ELF", 4) != 0) {
        *why = "the file is too large for a boot image, or cannot be read";
        if (!linux_kelf_read(r, k, FILE_MAX) || !unpack(r, k, why))
            return false;
    }
    *why = "no kernel of x86-64 with sections";
    if (!linux_kelf_sections(r, k) || k->machine != ELF_X86_64)
        return false;
    keep_sections(r, k, out);
    if (out->n_sections && k->image && k->end < k->len)
        apply_relocations(out, k->image + k->end,
                          EG_MIN((k->len - (size_t)k->end) / 4, (size_t)RELOCATIONS_MAX));
    return out->n_sections;
}

/* ---- AArch64 ---- */

enum { SAMPLE = 1 << 14 };

/* Do most words of @live, the kernel's code at @first, fit the file, which begins at @base? */
static bool fits(const struct linux_kelf *k, uint64_t base, uint64_t first, const uint8_t *live)
{
    unsigned same = 0;

    if (first < base || !eg_within(first - base, SAMPLE, k->len))
        return false;
    for (size_t i = 0; i < SAMPLE; i += 4)
        same += !memcmp(live + i, k->image + (first - base) + i, 4);
    return same > SAMPLE / 4 / 4 * 3;
}

/* The file is what the boot loader puts into memory (Documentation/arch/arm64/booting.rst): it
 * begins where the kernel does, which few kernels have a name for; code follows at once, or behind
 * a header of up to 64 KiB. */
static bool find_image(struct eg_run *r, const struct linux_kelf *k, uint64_t first, uint64_t *base)
{
    enum { MAGIC = 56, HEADER = 64, ALIGNED = 1 << 16, PAGE = 4096 };
    uint8_t *live = eg_tmp(r, SAMPLE);

    if (k->len < HEADER || memcmp(k->image + MAGIC, "ARM\x64", 4) != 0 ||
        !eg_read(eg_view_of(r), eg_kernel(r), first, live, SAMPLE))
        return false;
    if (eg_system_own_symbol(eg_system_of(r), "_text", base, NULL) && fits(k, *base, first, live))
        return true;
    for (uint64_t before = 0; before <= ALIGNED; before += PAGE) {
        *base = first - first % PAGE - before;
        if (fits(k, *base, first, live))
            return true;
    }
    return false;
}

/* It may be packed, and may have a program before it that unpacks it (drivers/firmware/efi/libstub/
 * zboot-header.S, since 6.1). */
static bool unpack_image(struct eg_run *r, struct linux_kelf *k, const char **why)
{
    const uint8_t *p = k->image;
    uint64_t at = 0, n = k->len;

    if (k->len >= 64 && !memcmp(p, "MZ", 2) && !memcmp(p + 4, "zimg", 4)) {
        at = eg_le32(p + 8);
        n = eg_le32(p + 12);
    }
    return !eg_within(at, n, k->len) || !linux_kelf_packed(p + at, (size_t)n) ||
           linux_kelf_unpack(r, k, p + at, (size_t)n, 0, why);
}

static bool open_image(struct eg_run *r, struct linux_kelf *k, int64_t shift,
                       struct linux_kfile *out, const char **why)
{
    const struct eg_system *sys = eg_system_of(r);
    uint64_t base, first, end;

    *out = (struct linux_kfile){ .shift = shift };
    *why = "the file is too large for a boot image, or cannot be read";
    if (!linux_kelf_read(r, k, FILE_MAX) || !unpack_image(r, k, why))
        return false;
    *why = "no boot image of AArch64 (arch/arm64/boot/Image), or not of this kernel";
    if (!eg_system_own_symbol(sys, "_stext", &first, NULL) ||
        !eg_system_own_symbol(sys, "_etext", &end, NULL) || end <= first ||
        !find_image(r, k, first, &base) || !eg_within(first - base, end - first, k->len))
        return false;
    out->sections = eg_tmp(r, 2 * sizeof *out->sections);
    out->sections[out->n_sections++] =
        (struct linux_kfile_section){ .name = ".text",
                                      .addr = first,
                                      .size = end - first,
                                      .bytes = k->image + (first - base),
                                      .code = true };
    out->sections[out->n_sections++] = (struct linux_kfile_section){
        .name = ".image", .addr = base, .size = k->len, .bytes = k->image
    };
    return true;
}

bool linux_kfile_open(struct eg_run *r, const char *path, struct linux_kfile *out, const char **why)
{
    const struct eg_system *sys = eg_system_of(r);
    const bool arm = sys->arch->elf_machine == ELF_AARCH64;
    struct linux_kelf k;

    *why = "only a kernel of x86-64 or AArch64 whose KASLR shift is known can be compared with a "
           "file";
    return (arm || sys->arch->elf_machine == ELF_X86_64) && sys->chosen && sys->chosen->has_kaslr &&
           linux_kelf_open_path(r, path, &k, why) &&
           (arm ? open_image(r, &k, (int64_t)sys->chosen->kaslr, out, why)
                : linux_kfile_of(r, &k, (int64_t)sys->chosen->kaslr, out, why));
}

const uint8_t *linux_kfile_at(const struct linux_kfile *f, uint64_t addr, size_t len)
{
    for (size_t i = 0; i < f->n_sections; i++) {
        const struct linux_kfile_section *s = &f->sections[i];

        if (addr >= s->addr && eg_within(addr - s->addr, len, s->size))
            return s->bytes + (addr - s->addr);
    }
    return NULL;
}

const struct linux_kfile_section *linux_kfile_section(const struct linux_kfile *f, const char *name)
{
    for (size_t i = 0; i < f->n_sections; i++)
        if (!strcmp(f->sections[i].name, name))
            return &f->sections[i];
    return NULL;
}
