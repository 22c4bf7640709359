/* shapes_c.c - a unit that only declares: alone with shapes_d.c a module, which defines. */
#include "shapes.h"

struct only_c {
    struct twice *undecided; /**< of two definitions none is better */
    struct never *nowhere;
    struct node *known;
} only_c;
