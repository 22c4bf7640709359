/** shapes.h - every shape that a type can have, for tests of what a compiler says of them. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdbool.h>
#include <stdint.h>

typedef unsigned long word;
typedef int (*compare)(const void *a, const void *b, ...);

struct node {
    struct node *next, **pprev;
};
union either {
    float number;
    char text[12];
};
enum colour { RED, GREEN = 7, BLUE = 0x7fffffff };
enum sign { MINUS = -3, PLUS = 3 };
#ifdef __SIZEOF_INT128__
__extension__ enum wide { WIDE = 0x123456789abcdef0 };
#endif
struct __attribute__((packed)) tight {
    char a;
    uint32_t b : 7, c : 14;
    uint64_t d;
};

struct shapes {
    struct node list;
    const volatile struct node *const restrict_me;
    compare by;
    void (*run)(void);
    enum colour colour;
    enum sign sign;
    int8_t small;
    unsigned char byte;
    char letter;
    bool yes;
    word words[2][3];
    struct node nodes[4];
    int (*row)[5];
    unsigned one : 1, five : 5, : 0, rest : 26;
    int64_t far_bits : 40;
    signed below : 3;
    struct {
        int x;
        union {
            long y;
            struct {
                short low, high;
            };
        };
    };
    struct {
        uint16_t z;
    } named;
    union either either;
    struct tight tight;
    struct declared *elsewhere; /**< defined in one of the units */
    struct never *nowhere;      /**< in none */
    struct twice *ambiguous;    /**< two definitions */
    double real;
    char end[];
};

#endif
