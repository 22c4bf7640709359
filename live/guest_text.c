/* guest_text.c - texts of QEMU's monitor (system/memory.c, target/i386/cpu-dump.c,
 * target/arm/cpu.c, monitor/hmp-cmds.c). They are no promised interface: what is not understood is
 * left out. */
#include "guest_text.h"
#include "../core/arch.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { CPUS_MAX = 8192 };

/** A number in hexadecimal, at most 16 digits. @return behind it; NULL: none. */
static const char *hex(const char *p, uint64_t *out)
{
    uint64_t v = 0;
    int n = 0;

    for (; isxdigit((unsigned char)*p); p++, n++)
        v = v << 4 | (uint64_t)(isdigit((unsigned char)*p) ? *p - '0' : (*p | 32) - 'a' + 10);
    if (!n || n > 16)
        return NULL;
    *out = v;
    return p;
}

static const char *skip(const char *p, const char *word)
{
    const size_t len = strlen(word);

    return p && !strncmp(p, word, len) ? p + len : NULL;
}

/* ---- the map ---- */

/** A line such as "  0000000000100000-00000000bfffffff (prio 0, ram): mem0 @0000000000100000".
 */
static bool read_range(struct guest_range *r, const char *line)
{
    static const char objects[] = "/objects/";
    const char *p = line + strspn(line, " "), *name, *end;
    size_t len;

    *r = (struct guest_range){ 0 };
    if (!(p = hex(p, &r->start)) || !(p = skip(p, "-")) || !(p = hex(p, &r->last)) ||
        !(p = skip(p, " (prio ")))
        return false;
    p += strspn(p, "-0123456789");
    name = skip(p, ", ram): ");
    name = name ? name : skip(p, ", rom): "); // RAM that the guest cannot write now
    if (!name || r->last < r->start || r->last == UINT64_MAX)
        return false;
    end = name + strcspn(name, "\r\n");
    p = memmem(name, (size_t)(end - name), " @", 2);
    if (p && !hex(p + 2, &r->at))
        return false;
    len = p ? (size_t)(p - name) : strcspn(name, " \r\n");
    if (!strncmp(name, objects, sizeof objects - 1)) {
        name += sizeof objects - 1;
        len -= EG_MIN(len, sizeof objects - 1);
    }
    if (!len || len >= sizeof r->block)
        return false;
    memcpy(r->block, name, len);
    return r->last - r->start <= UINT64_MAX - r->at;
}

static int push(struct guest_map *m, const struct guest_range *r, struct eg_error *e)
{
    struct guest_range *last = m->at.n ? &m->at.at[m->at.n - 1] : NULL, *slot;

    if (last && r->start <= last->last) // a map is sorted: this is none
        return eg_fail(e, EG_EFORMAT, "the map of memory has ranges that overlap");
    if (last && r->start == last->last + 1 && !strcmp(r->block, last->block) &&
        r->at == last->at + (last->last - last->start + 1)) {
        last->last = r->last;
        return 0;
    }
    if (m->at.n == GUEST_RANGES_MAX)
        return eg_fail(e, EG_EFORMAT, "the map of memory has more than %d ranges",
                       GUEST_RANGES_MAX);
    slot = eg_vec_push(&m->at);
    if (!slot)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    *slot = *r;
    return 0;
}

int guest_map_read(struct guest_map *m, const char *text, struct eg_error *e)
{
    bool inside = false, seen = false;
    int rc = 0;

    for (const char *line = text; *line && !rc;
         line += strcspn(line, "\n"), line += *line == '\n') {
        const char *root = skip(line + strspn(line, " "), "Root memory region: ");
        struct guest_range r;

        if (root) {
            inside = !seen && !strncmp(root, "system", 6) && strcspn(root, "\r\n") == 6;
            seen |= inside;
        } else if (!strncmp(line, "FlatView", 8)) {
            inside = false;
        } else if (inside && read_range(&r, line)) {
            rc = push(m, &r, e);
        }
    }
    if (!rc && !m->at.n)
        rc = eg_fail(e, EG_EFORMAT, "no memory in what `info mtree -f` says");
    return rc;
}

void guest_map_fini(struct guest_map *m)
{
    eg_vec_fini(&m->at);
}

/* ---- registers ---- */

/** The value behind "NAME=" or "NAME =" between @text and @end, at the beginning of a word. */
static const char *value(const char *text, const char *end, const char *name)
{
    const size_t len = strlen(name);

    for (const char *p = text; (p = memmem(p, (size_t)(end - p), name, len)); p++) {
        const char *v = p + len;

        if (p > text && isalnum((unsigned char)p[-1]))
            continue;
        v += v < end && *v == ' ';
        if (v < end && *v == '=')
            return v + 1;
    }
    return NULL;
}

static bool number(const char *text, const char *end, const char *name, uint64_t *out)
{
    const char *p = value(text, end, name);

    return p && hex(p, out);
}

/** A segment or table: "GS =0000 BASE LIMIT FLAGS", "IDT=     BASE LIMIT". */
static bool base_of(const char *text, const char *end, const char *name, uint64_t *base,
                    uint64_t *limit)
{
    const char *p = value(text, end, name);
    uint64_t selector;

    if (!p)
        return false;
    if (*p != ' ' && !(p = hex(p, &selector)))
        return false;
    p += strspn(p, " ");
    if (!(p = hex(p, base)) || *p != ' ')
        return false;
    return hex(p + 1, limit) != NULL;
}

static void x86_state(struct eg_cpu *cpu, const char *text, const char *end)
{
    uint64_t limit, v;

    if (number(text, end, "CR3", &v))
        cpu->root = v;
    if (number(text, end, "CR4", &v))
        cpu->control = v;
    if (number(text, end, "RFL", &cpu->regs[17]))
        cpu->n_regs = 18;
    // In user mode it is the program's; the kernel's is in a register that is not printed.
    if (base_of(text, end, "GS", &v, &limit) && v >> 63)
        cpu->gs_base = v;
    if (base_of(text, end, "IDT", &cpu->x86[EG_X86_IDT], &cpu->x86[EG_X86_IDT_LIMIT]))
        cpu->x86_known |= 1 << EG_X86_IDT | 1 << EG_X86_IDT_LIMIT;
    if (base_of(text, end, "GDT", &cpu->x86[EG_X86_GDT], &cpu->x86[EG_X86_GDT_LIMIT]))
        cpu->x86_known |= 1 << EG_X86_GDT | 1 << EG_X86_GDT_LIMIT;
    if (base_of(text, end, "TR", &cpu->x86[EG_X86_TSS], &limit))
        cpu->x86_known |= 1 << EG_X86_TSS;
    if (number(text, end, "EFER", &cpu->x86[EG_X86_EFER]))
        cpu->x86_known |= 1 << EG_X86_EFER;
}

/** A register as QEMU prints its name: "RAX", "R8 ", "X00". */
static bool register_of(const char *text, const char *end, const char *name, uint64_t *out)
{
    char upper[16];
    size_t n = 0;

    for (; name[n] && n < sizeof upper - 1; n++)
        upper[n] = (char)toupper((unsigned char)name[n]);
    upper[n] = 0;
    if (upper[0] == 'X' && n == 2) // AArch64: two digits
        snprintf(upper, sizeof upper, "X0%c", name[1]);
    return number(text, end, upper, out);
}

static bool read_cpu(struct eg_cpu *cpu, const struct eg_arch *arch, const char *text,
                     const char *end)
{
    *cpu = (struct eg_cpu){ .arch = arch };
    for (size_t i = 0; arch->registers && arch->registers[i] && i < countof(cpu->regs); i++) {
        if (!register_of(text, end, arch->registers[i], &cpu->regs[i]))
            break;
        cpu->n_regs = (uint8_t)(i + 1);
    }
    if (arch->elf_machine == 62) // EM_X86_64
        x86_state(cpu, text, end);
    return cpu->n_regs || cpu->root;
}

size_t guest_registers_read(struct eg_image *img, const struct eg_arch *arch, const char *text)
{
    static const char begin[] = "CPU#";
    const char *p = strstr(text, begin), *end;
    size_t n = 0;

    for (; p && n < CPUS_MAX; p = *end ? end : NULL) {
        struct eg_cpu read, *cpu;

        end = strstr(p + 1, begin);
        end = end ? end : p + strlen(p);
        if (!read_cpu(&read, arch, p, end))
            continue;
        if (!(cpu = eg_vec_push(&img->cpus)))
            break;
        *cpu = read;
        n++;
    }
    return n;
}

/* ---- addresses, words ---- */

bool guest_host_address(const char *text, uint64_t *out)
{
    const char *p = strstr(text, " is 0x");

    return !strncmp(text, "Host virtual address", 20) && p && hex(p + 6, out);
}

bool guest_words_read(const char *text, uint64_t at, void *out, size_t len)
{
    size_t done = 0;

    for (const char *p = text; *p && done < len;) {
        uint64_t addr, word;

        if (!(p = hex(p, &addr)) || addr != at + done || !(p = skip(p, ":")))
            return false;
        while (done < len && (p += strspn(p, " "), skip(p, "0x"))) {
            if (!(p = hex(p + 2, &word)))
                return false;
            for (int i = 0; i < 8 && done < len; i++)
                ((uint8_t *)out)[done++] = (uint8_t)(word >> (8 * i));
        }
        p += strspn(p, "\r\n ");
    }
    return done == len;
}
