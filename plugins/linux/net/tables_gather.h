/* tables_gather.h - how sockets are gathered from tables. Only for net/tables*.c. */
#ifndef EG_LINUX_TABLES_GATHER_H
#define EG_LINUX_TABLES_GATHER_H

#include "sock.h"
#include "tables.h"

EG_FIELD_AS(sock_node, sock, "__sk_common.skc_node");           // skc_nulls_node is the same place
EG_FIELD_AS(sock_bind_node, sock, "__sk_common.skc_bind_node"); // skc_portaddr_node too

enum { LINUX_GATHER_BLOCK = 1 << 16 };

struct linux_gathered {
    struct linux_table_socks socks; /**< first: what callers get */
    struct linux_table_sock *list;
    size_t cap;
};
struct linux_gather {
    struct eg_run *r;
    struct eg_view *view;
    struct eg_space *as;
    struct linux_gathered *kept;
    struct eg_map *index;     /**< by address: which of the list */
    struct eg_map *nets;      /**< the network namespaces that are known */
    const char *name;         /**< of the table that is walked */
    unsigned bit;             /**< its enum linux_sock_table */
    uint64_t link;            /**< in a socket: where the links of its chains are */
    uint64_t broken, strange; /**< chains, and links that lead to no socket */
    uint64_t unread;          /**< bytes of heads */
    uint64_t left;            /**< buckets that may follow, of all tables */
    unsigned ptr;             /**< bytes of a pointer */
    bool big, full;
    uint8_t block[LINUX_GATHER_BLOCK];
};

/* Begin with a table; @link: where the links of its chains are in a socket. */
void linux_table_begin(struct linux_gather *g, const char *name, unsigned bit, uint64_t link);
/* The end of a table: notes of what was lost. */
void linux_table_done(struct linux_gather *g);
/* All chains of an array of @n buckets of @stride bytes; @each: what a link is in. */
void linux_table_buckets(struct linux_gather *g, uint64_t base, uint64_t n, uint64_t stride,
                         uint64_t head, void (*each)(struct linux_gather *, uint64_t node));
/* The chain behind the head at @head. */
void linux_table_chain(struct linux_gather *g, uint64_t head,
                       void (*each)(struct linux_gather *, uint64_t node));
/* The socket of a link. */
void linux_table_take(struct linux_gather *g, uint64_t node);
/* A whole table that is an array of heads. */
void linux_table_heads(struct linux_gather *g, struct eg_obj array, const char *name, unsigned bit);

/* The address of a variable of a module; 0: there is none. */
uint64_t linux_table_variable(struct linux_gather *g, const char *name);

void linux_tables_tcp(struct linux_gather *g);
void linux_tables_udp(struct linux_gather *g);
void linux_tables_raw(struct linux_gather *g);

#endif
