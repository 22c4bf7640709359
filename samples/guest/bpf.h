/* bpf.h: the system call bpf() without a library, for actors whose programs are written by hand. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

// clang-format off
#define SET(register, value)   { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = register, .imm = value }
#define COPY(to, from)         { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from }
#define ADD(register, value)   { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = register, .imm = value }
#define STORE(size, at, value) { .code = BPF_ST | (size) | BPF_MEM, .dst_reg = 10, .off = at, .imm = value }
#define LOAD(size, to, from, at) \
    { .code = BPF_LDX | (size) | BPF_MEM, .dst_reg = to, .src_reg = from, .off = at }
#define UNLESS(register, value, skip) \
    { .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = register, .imm = value, .off = skip }
#define IF_NOT(register, value, skip) \
    { .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = register, .imm = value, .off = skip }
#define HELPER(number)         { .code = BPF_JMP | BPF_CALL, .imm = number }
#define RETURN                 { .code = BPF_JMP | BPF_EXIT }
#define MAP(register, fd) \
    { .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = register, .src_reg = BPF_PSEUDO_MAP_FD, .imm = fd }, { 0 }
// clang-format on
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Attributes with room for what this machine's headers do not know yet, by offset. */
union attributes {
    union bpf_attr a;
    uint8_t bytes[256];
    uint32_t word[64];
};

int bpf(int command, union attributes *a);
uint32_t bpf_id(int fd);
int number_in(const char *path);

/* Types of our own, in one BTF. */
enum {
    OWN_U32 = 2,
    OWN_RECORD = 6, /* struct lab_record { u64 count; u32 pid; char comm[16]; }: 32 bytes */
    OWN_TIMED = 9,  /* struct lab_timed { u64 fired; struct bpf_timer timer; u64 words; } */
    OWN_PART = 12,  /* int lab_part(int a), global */
    OWN_MAIN = 14,  /* int lab_main(void *a), global */
    OWN_FIRE = 16,  /* int lab_fire(void *a, void *b, void *c), static */
};
struct record {
    uint64_t count;
    uint32_t pid;
    char comm[20];
};
int own_types(void);

/* The kernel's own BTF: a type by its name, 0: it has none; a member's number and offset. */
uint32_t kernel_type(unsigned kind, const char *name);
uint32_t kernel_size(uint32_t type);
bool kernel_member(uint32_t type, const char *name, uint32_t *number, uint32_t *offset);

struct map {
    const char *name;
    unsigned type, key, value, count, flags, key_type, value_type, kernel_type, inner;
    uint64_t extra;
    int token;
};
int map(struct map m); /* a fact of the kind bpf-map */
void put(int fd, const void *key, const void *value);
/* The same, told: a fact of the kind bpf-entry. */
void put_told(int fd, const void *key, unsigned key_size, const void *value, unsigned value_size);

struct program {
    const char *name;
    unsigned type, attach, to_type, to_program, flags; /* to_type: of the kernel or of a program */
    const struct bpf_insn *code;
    unsigned count;
    uint32_t functions[2][2]; /* instruction and type of each; with types of our own */
    int token;
};
int program(struct program p); /* a fact of the kind bpf-program */
/* Answers with a number, and does nothing else. */
int answering(const char *name, unsigned type, unsigned attach, uint32_t to_type, int answer);

/* A fact of the kind bpf-at: the program is called from there; link: -1, that failed. */
enum { NO_LINK = -2 };
void tell_place(int program, int link, const char *how, const char *where);
