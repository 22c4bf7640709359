/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/* api.h - what engram.c uses of QEMU's interface of plugins, declared for each of its
 * versions, from its documentation (docs/devel/tcg-plugins). PLUGIN_API is the version: 1 is
 * QEMU 7.2; 2 is 9.0, 3 is 9.1, 4 is 9.2 and 10.0, 5 is 10.1, 6 is 10.2; 7 is newer. QEMU
 * loads a plugin whose version is between its own minimum and its own. Of GLib two types are
 * needed from version 2 on, which the functions of QEMU take; the functions that make them are
 * in every QEMU. */
#ifndef API_H
#define API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef PLUGIN_API
#error "say -DPLUGIN_API=1, 2, 3, 4, 5, 6 or 7"
#endif
#define EXPORT __attribute__((__visibility__("default")))

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t {
    const char *target_name; /* "x86_64" */
    struct {
        int min, cur;
    } version;
    bool system_emulation;
    union {
        struct {
            int smp_vcpus, max_vcpus;
        } system;
    };
} qemu_info_t;
enum qemu_plugin_cb_flags { CB_NO_REGS, CB_R_REGS };
enum qemu_plugin_mem_rw { MEM_R = 1, MEM_W };
typedef uint32_t qemu_plugin_meminfo_t;

struct qemu_plugin_tb;
struct qemu_plugin_insn;

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

/* Callbacks of the plugin and of processors: since version 7 with a pointer of the plugin's own. */
#if PLUGIN_API >= 7
#define PLUGIN_CB(f) static void f(void *unused)
#define CPU_CB(f)    static void f(unsigned cpu, void *unused)
#define OWN          , NULL
#define UNUSED       (void)unused
typedef void (*plugin_cb)(void *);
typedef void (*cpu_cb)(unsigned, void *);
#define OWN_ARG , void *
#else
#define PLUGIN_CB(f) static void f(qemu_plugin_id_t unused)
#define CPU_CB(f)    static void f(qemu_plugin_id_t unused, unsigned cpu)
#define OWN
#define UNUSED (void)unused
typedef void (*plugin_cb)(qemu_plugin_id_t);
typedef void (*cpu_cb)(qemu_plugin_id_t, unsigned);
#define OWN_ARG
#endif
void qemu_plugin_reset(qemu_plugin_id_t id, plugin_cb cb OWN_ARG);
void qemu_plugin_register_vcpu_idle_cb(qemu_plugin_id_t id, cpu_cb cb OWN_ARG);
void qemu_plugin_register_vcpu_resume_cb(qemu_plugin_id_t id, cpu_cb cb OWN_ARG);

/* Translation, and callbacks of what is translated. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
#if PLUGIN_API >= 3
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t len);
#else
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
#endif
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned cpu, void *own),
                                            enum qemu_plugin_cb_flags flags, void *own);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*cb)(unsigned cpu, qemu_plugin_meminfo_t info,
                                                 uint64_t vaddr, void *own),
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
                                      void *own);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
void qemu_plugin_outs(const char *text);

/* Registers and memory. */
#if PLUGIN_API >= 2
typedef struct {
    uint8_t *data;
    unsigned len;
} GByteArray;
typedef struct {
    char *data;
    unsigned len;
} GArray;
GByteArray *g_byte_array_new(void);
GByteArray *g_byte_array_set_size(GByteArray *a, unsigned len);
struct qemu_plugin_register;
typedef struct {
    struct qemu_plugin_register *handle;
    const char *name, *feature;
} qemu_plugin_reg_descriptor;
GArray *qemu_plugin_get_registers(void);
#if PLUGIN_API >= 6
bool qemu_plugin_read_register(struct qemu_plugin_register *handle, GByteArray *to);
#else
int qemu_plugin_read_register(struct qemu_plugin_register *handle, GByteArray *to);
#endif
#endif
#if PLUGIN_API >= 4
bool qemu_plugin_read_memory_vaddr(uint64_t addr, GByteArray *to, size_t len);
typedef struct {
    int type; /* 0 to 4: log2 of the bytes */
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        struct {
            uint64_t low, high;
        } u128;
    } data;
} qemu_plugin_mem_value;
qemu_plugin_mem_value qemu_plugin_mem_get_value(qemu_plugin_meminfo_t info);
#endif

#endif
