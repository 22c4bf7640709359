/* shapes_e.c - of the module too: declares what its other unit defines. */
#include "shapes.h"

struct only_e {
    struct never *later;
} only_e;
