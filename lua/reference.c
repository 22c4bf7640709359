/* reference.c - describes the functions of the table eg, in groups. To add a function, add a line
 * to its group. */
#include "reference.h"
#include "../core/base.h"

static const struct eg_reference values[] = {
    { "enum", "of: cursor|string", "string|integer?",
      "the name of an enumeration's value (of a cursor from eg.at), or the value of a name; nil if "
      "there is none" },
    { "flags", "value: integer, names: table", "string|cursor",
      "the names of the bits that are set, from a table {WRITE = 2, EXEC = 4}; bits without a name "
      "as one hexadecimal number" },
    { "ok", "x: any", "boolean", "false for nil and for a value that could not be read" },
    { "string", "c: cursor, max?: integer", "string|cursor",
      "the text in a char array, or at the target of a char pointer" },
    { "value", "x: any, default: any", "any",
      "x, or the default if x is nil or could not be read" },
    { "why", "x: any", "string?", "the reason why a value could not be read; nil if it could" },
};

static const struct eg_reference places[] = {
    { "address", "c: place", "integer?",
      "the address that a cursor stands for: a pointer's target, or where any other value is "
      "stored; nil if the pointer cannot be read. Of text, the address that it names" },
    { "address_of", "c: cursor, path?: string", "integer|cursor",
      "where a value itself is stored, or the member that the path names; a pointer is not "
      "followed: eg.address_of(task, \"mm\")" },
    { "at", "c: cursor, path: string", "cursor",
      "the member or element at a path (\"mm.pgd\", \"fdt.fd[3]\"), as a cursor even if it is an "
      "integer" },
    { "cast", "c: cursor, type: string", "value",
      "the same place as another type; a pointer is followed first" },
    { "container", "c: cursor, type: string, member: string", "cursor",
      "the struct that contains this member, like the kernel's container_of" },
    { "deref", "c: cursor", "value", "what a pointer points to" },
    { "object", "as: space, type: string, at: place", "value",
      "the value of this type at an address" },
};

static const struct eg_reference types[] = {
    { "has", "of: cursor|string, member: string", "boolean",
      "whether the type has this member in this kernel" },
    { "has_type", "type: string", "boolean", "whether this kernel has the type" },
    { "offsetof", "type: string, member: string", "integer",
      "the offset of a member in its struct, in bytes" },
    { "sizeof", "of: cursor|string", "integer", "the size of a value or of a type, in bytes" },
    { "type", "c: cursor", "string", "the name of a cursor's type" },
};

static const struct eg_reference symbols[] = {
    { "lookup", "k: space, symbol: string", "integer?",
      "a symbol's address; nil if there is no such symbol" },
    { "name", "k: space, at: place", "string?",
      "the symbol at an address: \"ext4_file_open+0x10 [ext4]\"; nil if there is none" },
    { "symbol", "k: space, symbol: string, type?: string", "value",
      "a variable of the kernel; name its type if it is not known. Of a per-CPU variable, "
      "linux.percpu gives each CPU's copy" },
};

static const struct eg_reference walks[] = {
    { "bits", "bitmap: cursor, limit: integer", "fun(): integer?",
      "for bit in eg.bits(bitmap, limit): the bits that are set, below the limit" },
    { "hlist", "head: cursor, type: string, member: string", "fun(): cursor?",
      "each struct of this type that is linked into the hlist by this member" },
    { "list", "head: cursor, type: string, member: string", "fun(): cursor?",
      "each struct of this type that is linked into the list_head by this member" },
    { "maple", "tree: cursor, type?: string", "fun(): integer?, cursor|integer, integer",
      "for index, entry, last in eg.maple(tree): entries of a maple tree" },
    { "rbtree", "root: cursor, type: string, member: string", "fun(): cursor?",
      "each struct of this type that is in the tree by this rb_node, in order" },
    { "xarray", "root: cursor, type?: string", "fun(): integer?, cursor|integer, integer",
      "for index, entry, last in eg.xarray(root): entries of an xarray, radix tree or idr" },
};

static const struct eg_reference memory[] = {
    { "cstring", "as: space, at: place, max?: integer", "string?, string?",
      "text up to a NUL or to memory that cannot be read, at most max bytes (4096 by default); nil "
      "and the reason if nothing can be read" },
    { "physical", "k: space", "space", "physical memory" },
    { "process", "task: cursor", "space?",
      "the memory of a task's process; nil if it has none, or none that can be read" },
    { "read", "as: space, at: place, length: integer", "string?, string?",
      "bytes, all of them or none: nil and the reason" },
    { "read_some", "as: space, at: place, length: integer", "string, integer",
      "bytes, with zeros for what cannot be read, and how many could be read" },
    { "scan", "as: space, what: {bytes?: string, regex?: string}, first?: place, last?: place",
      "fun(): integer?, string",
      "for address, bytes in eg.scan(as, {bytes = \"…\"}): each match; last is inclusive" },
    { "translate", "as: space, at: place", "integer?, string?",
      "the address of the same place in physical memory; nil and the reason" },
    { "uint", "as: space, at: place, size?: integer", "integer?, string?",
      "an integer in the machine's byte order, of 1, 2, 4 or 8 bytes (a pointer's size by "
      "default); nil and the reason" },
};

static const struct eg_reference rows[] = {
    { "matches", "argument: string, value: any", "boolean",
      "true if this argument was not given on the command line, or if it lists this value" },
    { "note", "text: any", "",
      "add a note to the result: what is missing, or what the reader must know" },
    { "output", "name: string, bytes: string", "",
      "write a file into the folder of -o; 4 GiB in all" },
    { "progress", "done: integer, all: integer", "", "show how far the work is" },
    { "refuse", "text: string", "",
      "end the run as a mistake of the command line: the value of an argument can never be right" },
    { "rows", "plugin: string, args?: table", "table[]",
      "the rows of another plugin, each a table by column name" },
};

static const struct {
    struct eg_reference_group is;
    const struct eg_reference *functions;
    size_t n;
} groups[] = {
    { { "Values", "lua/functions.c" }, values, countof(values) },
    { { "Typed places", "lua/functions.c" }, places, countof(places) },
    { { "Types", "lua/functions.c" }, types, countof(types) },
    { { "Symbols", "lua/symbols.c" }, symbols, countof(symbols) },
    { { "Lists, trees and other containers", "lua/walk.c" }, walks, countof(walks) },
    { { "Memory", "lua/memory.c" }, memory, countof(memory) },
    { { "Arguments, results and other plugins", "lua/rows.c" }, rows, countof(rows) },
};

const struct eg_reference *eg_reference_nth(size_t i)
{
    for (size_t g = 0; g < countof(groups); i -= groups[g++].n)
        if (i < groups[g].n)
            return &groups[g].functions[i];
    return NULL;
}

const struct eg_reference_group *eg_reference_group(size_t i)
{
    for (size_t g = 0; g < countof(groups); i -= groups[g++].n)
        if (i < groups[g].n)
            return &groups[g].is;
    return NULL;
}
