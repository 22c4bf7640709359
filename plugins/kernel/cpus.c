/* cpus - the processors, as /proc/cpuinfo and lscpu show them (arch/x86/kernel/cpu/proc.c,
 * arch/arm64/kernel/cpuinfo.c). */
#include "../../core/base.h"
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/time.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

EG_FIELDS(cpuinfo_x86, x86, x86_model, x86_vendor_id, x86_model_id, x86_capability, microcode,
          x86_cache_size, x86_phys_bits, x86_virt_bits);
EG_FIELD_AS(x86_stepping_, cpuinfo_x86, "x86_stepping|x86_mask");
EG_FIELD_AS(x86_package, cpuinfo_x86, "topo.pkg_id|phys_proc_id");
EG_FIELD_AS(x86_core, cpuinfo_x86, "topo.core_id|cpu_core_id");
EG_FIELDS(cpuinfo_arm64, reg_midr);
EG_FIELD_AS(saved_auxv, mm_struct, "saved_auxv");
EG_FIELDS(cpu_topology, core_id, package_id);
EG_SYMBOL(cpu_info, "cpuinfo_x86");
EG_SYMBOL(cpu_data, "cpuinfo_arm64");
EG_SYMBOL(x86_cap_flags, "char *[32]"); // one word of them: there are as many as the kernel has
EG_SYMBOL(x86_bug_flags, "char *[32]");
EG_SYMBOL_AS(arm_topology, "cpu_topology", "cpu_topology");
EG_SYMBOL(cpu_khz, "unsigned int");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the kernel's struct of it is", EG_MINOR)                                \
    C(CPU, INT, "its number")                                                                      \
    C(VENDOR, TEXT, "who made it; of arm64 the number of the implementer")                         \
    C(MODEL_NAME, TEXT, "as the processor calls itself")                                           \
    C(CPU_FAMILY, INT, "family of x86")                                                            \
    C(MODEL, INT, "model; of arm64 the part number")                                               \
    C(STEPPING, TEXT, "stepping; of arm64 variant and revision: r0p3", EG_MINOR)                   \
    C(MICROCODE, TEXT, "revision of the microcode that is loaded", EG_MINOR)                       \
    C(SOCKET, INT, "number of the package")                                                        \
    C(CORE, INT, "number of the core in the package")                                              \
    C(MHZ, TEXT, "the clock's frequency as it was measured at boot", EG_MINOR)                     \
    C(CACHE_SIZE, INT, "bytes of the last cache", EG_MINOR)                                        \
    C(PHYSICAL_BITS, INT, "bits of a physical address", EG_MINOR)                                  \
    C(VIRTUAL_BITS, INT, "bits of a virtual address", EG_MINOR)                                    \
    C(FEATURES, TEXT, "what the kernel uses of it, as the flags or Features of /proc/cpuinfo",     \
      EG_LIST)                                                                                     \
    C(BUGS, TEXT, "weaknesses that the kernel knows of, by name", EG_LIST)
EG_COLUMNS(COLUMNS);

enum { TEXT_LEN = 8192, WORD_BITS = 32, NAME_LEN = 32 };

/* ---- x86 ---- */

/* The names of the bits that are set, from word @first on. A bit without a name is not shown in
 * /proc/cpuinfo either. */
static struct eg_cell names(struct eg_run *r, struct eg_obj words, uint64_t first, uint64_t limit,
                            struct eg_obj table)
{
    const uint64_t begin = table.addr;
    char text[TEXT_LEN];
    size_t len = 0;

    if (table.why)
        return eg_cell_of(table);
    text[0] = 0;
    for (uint64_t i = first; i < limit && i < eg_count(words); i++) {
        uint32_t word;

        if (!eg_load(&word, eg_index(words, i)))
            return eg_cell_of(eg_index(words, i));
        table.addr = begin + (i - first) * table.size;
        for (unsigned b = 0; b < WORD_BITS && len < sizeof text; b++) {
            struct eg_obj at = eg_index(table, b);
            uint64_t to;
            const char *s;

            if (!(word >> b & 1) || !eg_load(&to, at) || !to || !(s = eg_string(r, at, NAME_LEN)) ||
                !*s || *s == '"')
                continue;
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? " " : "", s);
        }
    }
    return eg_text(eg_strf(r, "%s", text));
}

/* How many of the words are features; those behind are bugs. As long as the table of names is. */
static uint64_t feature_words(struct eg_run *r, struct eg_obj table, uint64_t words)
{
    static const char name[] = "x86_cap_flags+";
    uint64_t n = 0;
    const char *s;

    if (table.why)
        return 0;
    while (++n < words) {
        s = eg_name_of(r, table.addr + n * table.size);
        if (!s || strncmp(s, name, sizeof name - 1) != 0)
            break;
    }
    return n;
}

static void show_x86(struct eg_run *r, unsigned cpu, struct eg_obj c)
{
    struct eg_obj words = eg_at(c, cpuinfo_x86.x86_capability);
    struct eg_obj flags = eg_sym(r, x86_cap_flags), bugs = eg_sym(r, x86_bug_flags);
    const uint64_t n = feature_words(r, flags, eg_count(words));
    struct eg_cell step = eg_val(c, x86_stepping_), code = eg_val(c, cpuinfo_x86.microcode);
    struct eg_cell mhz = { 0 }, cache = eg_val(c, cpuinfo_x86.x86_cache_size);
    uint32_t v;

    if (eg_get(&v, c, x86_stepping_))
        step = eg_text(eg_strf(r, "%" PRIu32, v));
    if (eg_get(&v, c, cpuinfo_x86.microcode))
        code = eg_text(eg_strf(r, "%#" PRIx32, v));
    if (eg_load(&v, eg_sym(r, cpu_khz)))
        mhz = eg_text(eg_strf(r, "%" PRIu32 ".%03" PRIu32, v / 1000, v % 1000));
    if (eg_get(&v, c, cpuinfo_x86.x86_cache_size))
        cache = eg_uint((uint64_t)v << 10);
    eg_row(r, .OFFSET = eg_addr(c), .CPU = eg_uint(cpu),
           .VENDOR = eg_val(c, cpuinfo_x86.x86_vendor_id),
           .MODEL_NAME = eg_val(c, cpuinfo_x86.x86_model_id),
           .CPU_FAMILY = eg_val(c, cpuinfo_x86.x86), .MODEL = eg_val(c, cpuinfo_x86.x86_model),
           .STEPPING = step, .MICROCODE = code, .SOCKET = eg_val(c, x86_package),
           .CORE = eg_val(c, x86_core), .MHZ = mhz, .CACHE_SIZE = cache,
           .PHYSICAL_BITS = eg_val(c, cpuinfo_x86.x86_phys_bits),
           .VIRTUAL_BITS = eg_val(c, cpuinfo_x86.x86_virt_bits),
           .FEATURES = names(r, words, 0, n, flags),
           .BUGS = names(r, words, n, eg_count(words), bugs));
}

/* ---- arm64 ---- */

/* AT_HWCAP and AT_HWCAP2 of arm64 (arch/arm64/include/uapi/asm/hwcap.h), from bit 0 up. */
static const char *const hwcaps[2][64] = {
    { "fp",    "asimd",   "evtstrm", "aes",      "pmull", "sha1",     "sha2",  "crc32", "atomics",
      "fphp",  "asimdhp", "cpuid",   "asimdrdm", "jscvt", "fcma",     "lrcpc", "dcpop", "sha3",
      "sm3",   "sm4",     "asimddp", "sha512",   "sve",   "asimdfhm", "dit",   "uscat", "ilrcpc",
      "flagm", "ssbs",    "sb",      "paca",     "pacg",  "gcs" },
    { "dcpodp",    "sve2",      "sveaes",   "svepmull",  "svebitperm", "svesha3",    "svesm4",
      "flagm2",    "frint",     "svei8mm",  "svef32mm",  "svef64mm",   "svebf16",    "i8mm",
      "bf16",      "dgh",       "rng",      "bti",       "mte",        "ecv",        "afp",
      "rpres",     "mte3",      "sme",      "smei16i64", "smef64f64",  "smei8i32",   "smef16f32",
      "smeb16f32", "smef32f32", "smefa64",  "wfxt",      "ebf16",      "sveebf16",   "cssc",
      "rprfm",     "sve2p1",    "sme2",     "sme2p1",    "smei16i32",  "smebi32i32", "smeb16b16",
      "smef16f16", "mops",      "hbc",      "sveb16b16", "lrcpc3",     "lse128",     "fpmr",
      "lut",       "faminmax",  "f8cvt",    "f8fma",     "f8dp4",      "f8dp2",      "f8e4m3",
      "f8e5m2",    "smelutv2",  "smef8f16", "smef8f32",  "smesf8fma",  "smesf8dp4",  "smesf8dp2",
      "poe" },
};

/* What the kernel told its programs: in the auxiliary vector of the first process that has one. */
static struct eg_cell features_arm64(struct eg_run *r)
{
    enum { AT_NULL, AT_HWCAP = 16, AT_HWCAP2 = 26 };
    struct eg_obj task;

    linux_each_process(r, task) {
        struct eg_obj auxv = eg_at(task, task_struct.mm, saved_auxv);
        uint64_t id, value;
        char text[TEXT_LEN];
        bool found = false;
        size_t len = 0;

        text[0] = 0;
        for (uint64_t i = 0; i + 1 < eg_count(auxv); i += 2) {
            if (!eg_load(&id, eg_index(auxv, i)) || !eg_load(&value, eg_index(auxv, i + 1)) ||
                id == AT_NULL)
                break;
            if (id != AT_HWCAP && id != AT_HWCAP2)
                continue;
            found = true;
            for (unsigned b = 0; b < 64 && len < sizeof text; b++)
                if (value >> b & 1 && hwcaps[id == AT_HWCAP2][b])
                    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? " " : "",
                                            hwcaps[id == AT_HWCAP2][b]);
        }
        if (found)
            return eg_text(eg_strf(r, "%s", text));
    }
    return eg_missing(EG_NO_SYMBOL, 0);
}

static void show_arm64(struct eg_run *r, unsigned cpu, struct eg_obj c, struct eg_cell features)
{
    struct eg_obj at = eg_at(c, cpuinfo_arm64.reg_midr);
    struct eg_obj topology = eg_sym(r, arm_topology);
    uint64_t midr;

    topology.addr += topology.why ? 0 : (uint64_t)cpu * topology.size;
    if (!eg_load(&midr, at)) {
        eg_row(r, .OFFSET = eg_addr(c), .CPU = eg_uint(cpu), .VENDOR = eg_cell_of(at),
               .MODEL = eg_cell_of(at), .STEPPING = eg_cell_of(at), .FEATURES = features);
        return;
    }
    eg_row(r, .OFFSET = eg_addr(c), .CPU = eg_uint(cpu),
           .VENDOR = eg_text(eg_strf(r, "0x%02x", (unsigned)(midr >> 24 & 0xff))),
           .MODEL = eg_uint(midr >> 4 & 0xfff),
           .STEPPING =
               eg_text(eg_strf(r, "r%up%u", (unsigned)(midr >> 20 & 15), (unsigned)(midr & 15))),
           .SOCKET = eg_val(topology, cpu_topology.package_id),
           .CORE = eg_val(topology, cpu_topology.core_id), .FEATURES = features);
}

static int run(struct eg_run *r)
{
    struct eg_obj x86 = eg_sym(r, cpu_info), arm = eg_sym(r, cpu_data);
    struct eg_cell features = { 0 };
    unsigned cpu = ~0u, n = 0;

    if (x86.why && arm.why)
        return eg_failed(r, "neither cpu_info (x86) nor cpu_data (arm64) is known: what this "
                            "kernel knows of its processors was not found");
    if (x86.why)
        features = features_arm64(r);
    while (linux_next_cpu(r, &cpu) && n++ < 1 << 13)
        if (!x86.why)
            show_x86(r, cpu, linux_percpu(r, x86, cpu));
        else
            show_arm64(r, cpu, linux_percpu(r, arm, cpu), features);
    return 0;
}

EG_PLUGIN(cpus) = {
    .os = "linux",
    .help = "List the processors that were online, with their features and known weaknesses",
    .manual =
        "As /proc/cpuinfo and lscpu, of x86 and arm64. FEATURES are what the kernel left on: one "
        "that was turned off at boot is missing. Of arm64 they are what the kernel tells programs "
        "(AT_HWCAP). A hypervisor can show a guest any processor. regs --cpus shows what the image "
        "has of registers.",
    .aliases = EG_NAMES("linux_cpuinfo", "mach", "cpuinfo", "lscpu"),
    .columns = columns,
    .run = run,
};
