/* reference.c - what each function of the table eg is for. To add a function: a line here, where
 * its name sorts. */
#include "reference.h"
#include "../core/base.h"

static const struct eg_reference functions[] = {
    { "address", "c: place", "integer?",
      "the address that a cursor stands for: of a pointer what it points to, else its own; nil of "
      "one that cannot be read" },
    { "address_of", "c: cursor, path?: string", "integer|cursor",
      "the address where a value itself is stored, or the member that the path names: a pointer is "
      "not followed" },
    { "at", "c: cursor, path: string", "cursor",
      "what a path leads to (\"mm.pgd\", \"fdt.fd[3]\"), as a cursor even where it is an integer" },
    { "bits", "bitmap: cursor, limit: integer", "fun(): integer?",
      "for bit in eg.bits(bitmap, limit): the bits that are set, below the limit" },
    { "cast", "c: cursor, type: string", "value",
      "the same place as another type; of a pointer, what it points to" },
    { "container", "c: cursor, type: string, member: string", "cursor",
      "the struct around a member: container_of" },
    { "cstring", "as: space, at: place, max?: integer", "string?, string?",
      "text up to a NUL or a hole, at most 4096 bytes where max does not say; nil and why" },
    { "deref", "c: cursor", "value", "what a pointer points to" },
    { "enum", "of: cursor|string", "string|integer?",
      "of a cursor that eg.at() gives its enumerator's name, of a name its value; nil: there is "
      "none" },
    { "flags", "value: integer, names: table", "string|cursor",
      "the names of the bits that are set, of a table {WRITE = 2, EXEC = 4}, and the others in "
      "hex" },
    { "has", "of: cursor|string, member: string", "boolean",
      "whether this kernel's type has the member" },
    { "has_type", "type: string", "boolean", "whether this kernel has the type" },
    { "hlist", "head: cursor, type: string, member: string", "fun(): cursor?",
      "for each struct of the type whose member is on the hlist" },
    { "list", "head: cursor, type: string, member: string", "fun(): cursor?",
      "for each struct of the type whose member is on the circular list" },
    { "lookup", "k: space, symbol: string", "integer?", "a symbol's address; nil: there is none" },
    { "maple", "tree: cursor, type?: string", "fun(): integer?, cursor|integer, integer",
      "for index, entry, last in eg.maple(tree): entries of a maple tree" },
    { "matches", "argument: string, value: any", "boolean",
      "whether the argument was not given, or lists this value" },
    { "name", "k: space, at: place", "string?",
      "the symbol at an address: \"ext4_file_open+0x10 [ext4]\"; nil: none" },
    { "note", "text: any", "", "a note with the result: what is missing or odd" },
    { "object", "as: space, type: string, at: place", "value", "what is at an address, as a type" },
    { "offsetof", "type: string, member: string", "integer", "where a member is in its struct" },
    { "ok", "x: any", "boolean", "false of nil and of a cursor that could not be read" },
    { "output", "name: string, bytes: string", "", "write a file into the folder of -o" },
    { "physical", "k: space", "space", "physical memory" },
    { "process", "task: cursor", "space?",
      "the memory of a task's process; nil: it has none that can be read" },
    { "progress", "done: integer, all: integer", "", "how far the work is, for who waits" },
    { "rbtree", "root: cursor, type: string, member: string", "fun(): cursor?",
      "for each struct of the type whose rb_node is in the tree, in order" },
    { "read", "as: space, at: place, length: integer", "string?, string?",
      "bytes, all or nothing; nil and why" },
    { "read_some", "as: space, at: place, length: integer", "string, integer",
      "bytes with zeros where nothing is, and how many there were" },
    { "rows", "plugin: string, args?: table", "table[]",
      "the rows of another plugin, each a table by column" },
    { "scan", "as: space, what: {bytes?: string, regex?: string}, first?: place, last?: place",
      "fun(): integer?, string",
      "for address, bytes in eg.scan(as, {bytes = \"…\"}): each place that matches" },
    { "sizeof", "of: cursor|string", "integer", "bytes of a cursor or a type" },
    { "string", "c: cursor, max?: integer", "string|cursor",
      "text of a char array, or of what a char pointer points to" },
    { "symbol", "k: space, symbol: string, type?: string", "value",
      "a variable of the kernel; the type, where none is known" },
    { "translate", "as: space, at: place", "integer?, string?",
      "the same place in physical memory; nil and why" },
    { "type", "c: cursor", "string", "the name of a cursor's type" },
    { "uint", "as: space, at: place, size?: integer", "integer?, string?",
      "an integer in the machine's byte order, as large as a pointer where size does not say; nil "
      "and why" },
    { "value", "x: any, default: any", "any", "x; the default where it is nil or unreadable" },
    { "why", "x: any", "string?", "why a cursor could not be read; nil of what could" },
    { "xarray", "root: cursor, type?: string", "fun(): integer?, cursor|integer, integer",
      "for index, entry, last in eg.xarray(root): entries of an xarray, radix tree or idr" },
};

const struct eg_reference *eg_reference_nth(size_t i)
{
    return i < countof(functions) ? &functions[i] : NULL;
}
