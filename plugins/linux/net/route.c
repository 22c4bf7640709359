/* route.c - names of what routes and rules have as numbers. */
#include "route.h"

static const char *name_of(struct eg_run *r, const struct eg_constant *list, uint32_t value)
{
    const char *name = eg_constant_name(list, value);

    return name ? name : eg_strf(r, "%u", value);
}

const char *linux_route_table(struct eg_run *r, uint32_t id)
{
    static const struct eg_constant tables[] = {
        { "default", 253 }, { "main", 254 }, { "local", 255 }, { NULL, 0 }
    };

    return name_of(r, tables, id);
}

const char *linux_route_type(struct eg_run *r, uint32_t type)
{
    static const struct eg_constant types[] = {
        { "unspec", 0 },   { "unicast", 1 },   { "local", 2 },     { "broadcast", 3 },
        { "anycast", 4 },  { "multicast", 5 }, { "blackhole", 6 }, { "unreachable", 7 },
        { "prohibit", 8 }, { "throw", 9 },     { "nat", 10 },      { "xresolve", 11 },
        { NULL, 0 },
    };

    return name_of(r, types, type);
}

const char *linux_route_scope(struct eg_run *r, uint32_t scope)
{
    static const struct eg_constant scopes[] = { { "global", 0 },    { "site", 200 },
                                                 { "link", 253 },    { "host", 254 },
                                                 { "nowhere", 255 }, { NULL, 0 } };

    return name_of(r, scopes, scope);
}

const char *linux_route_origin(struct eg_run *r, uint32_t protocol)
{
    static const struct eg_constant origins[] = {
        { "unspec", 0 }, { "redirect", 1 }, { "kernel", 2 },    { "boot", 3 },
        { "static", 4 }, { "gated", 8 },    { "ra", 9 },        { "mrt", 10 },
        { "zebra", 11 }, { "bird", 12 },    { "dnrouted", 13 }, { "xorp", 14 },
        { "ntk", 15 },   { "dhcp", 16 },    { "mrouted", 17 },  { "keepalived", 18 },
        { "babel", 42 }, { "ovn", 84 },     { "openr", 99 },    { "bgp", 186 },
        { "isis", 187 }, { "ospf", 188 },   { "rip", 189 },     { "eigrp", 192 },
        { NULL, 0 },
    };

    return name_of(r, origins, protocol);
}

#define NAMED(function)                                                                            \
    static struct eg_cell function##_cell(struct eg_run *r, struct eg_obj o)                       \
    {                                                                                              \
        uint32_t value;                                                                            \
                                                                                                   \
        return eg_load(&value, o) ? eg_text(linux_##function(r, value)) : eg_cell_of(o);           \
    }
NAMED(route_table)

EG_FUNCTION(route_table) = {
    .os = "linux",
    .help = "the name of a table of routes, of a cursor on its number: \"main\"",
    .args = "id",
    .returns = "text",
    .cell = route_table_cell,
};

NAMED(route_type)

EG_FUNCTION(route_type) = {
    .os = "linux",
    .help = "the name of a type of routes, of a cursor on its number: \"blackhole\"",
    .args = "type",
    .returns = "text",
    .cell = route_type_cell,
};

NAMED(route_scope)

EG_FUNCTION(route_scope) = {
    .os = "linux",
    .help = "the name of a scope of routes and addresses, of a cursor on its number: \"link\"",
    .args = "scope",
    .returns = "text",
    .cell = route_scope_cell,
};

NAMED(route_origin)

EG_FUNCTION(route_origin) = {
    .os = "linux",
    .help = "who made a route or rule, of a cursor on its protocol: \"kernel\", \"static\"",
    .args = "protocol",
    .returns = "text",
    .cell = route_origin_cell,
};
