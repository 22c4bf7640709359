/* shapes_d.c - defines what the program that the module is for only declares. */
#include "shapes.h"

struct never {
    struct never *more;
    int now;
} never;

__attribute__((section(".modinfo"), used)) static const char name[] = "name=renamed";
