/** nft_own.h - what the files of nft.h share. */
#ifndef EG_LINUX_NFT_OWN_H
#define EG_LINUX_NFT_OWN_H

#include "../../../core/base.h"
#include "nft.h"
#include "pernet.h"
#include <inttypes.h>

/* ---- nft_layout.c: where members are ---- */

/** M(name, module, type, members, offset in Linux 5.10 or NONE, bytes): members of the modules. */
#define NFT_NONE UINT16_MAX
#define NFT_MEMBERS(M)                                                                             \
    M(PERNET_TABLES, "nf_tables", nftables_pernet, "tables", 0, 16)                                \
    M(TABLE_LIST, "nf_tables", nft_table, "list", 0, 16)                                           \
    M(TABLE_CHAINS, "nf_tables", nft_table, "chains", 0x98, 16)                                    \
    M(TABLE_SETS, "nf_tables", nft_table, "sets", 0xa8, 16)                                        \
    M(TABLE_OBJECTS, "nf_tables", nft_table, "objects", 0xb8, 16)                                  \
    M(TABLE_FLOWTABLES, "nf_tables", nft_table, "flowtables", 0xc8, 16)                            \
    M(TABLE_HANDLE, "nf_tables", nft_table, "handle", 0xe0, 8)                                     \
    M(TABLE_FAMILY, "nf_tables", nft_table, "family", 0xec, 2)                                     \
    M(TABLE_FLAGS, "nf_tables", nft_table, "flags", 0xec, 2)                                       \
    M(TABLE_GENMASK, "nf_tables", nft_table, "genmask", 0xec, 2)                                   \
    M(TABLE_NAME, "nf_tables", nft_table, "name", 0xf0, 8)                                         \
    M(TABLE_UDLEN, "nf_tables", nft_table, "udlen", 0xf8, 2)                                       \
    M(TABLE_UDATA, "nf_tables", nft_table, "udata", 0x100, 8)                                      \
    M(CHAIN_RULES, "nf_tables", nft_chain, "rules", 0x10, 16)                                      \
    M(CHAIN_LIST, "nf_tables", nft_chain, "list", 0x20, 16)                                        \
    M(CHAIN_TABLE, "nf_tables", nft_chain, "table", 0x40, 8)                                       \
    M(CHAIN_HANDLE, "nf_tables", nft_chain, "handle", 0x48, 8)                                     \
    M(CHAIN_FLAGS, "nf_tables", nft_chain, "flags", 0x54, 1)                                       \
    M(CHAIN_GENMASK, "nf_tables", nft_chain, "genmask", 0x54, 1)                                   \
    M(CHAIN_NAME, "nf_tables", nft_chain, "name", 0x58, 8)                                         \
    M(CHAIN_UDLEN, "nf_tables", nft_chain, "udlen", 0x60, 2)                                       \
    M(CHAIN_UDATA, "nf_tables", nft_chain, "udata", 0x68, 8)                                       \
    M(BASE_OPS, "nf_tables", nft_base_chain, "ops", 0, 0x28)                                       \
    M(BASE_HOOKS, "nf_tables", nft_base_chain, "hook_list", 0x28, 16)                              \
    M(BASE_TYPE, "nf_tables", nft_base_chain, "type", 0x38, 8)                                     \
    M(BASE_POLICY, "nf_tables", nft_base_chain, "policy", 0x40, 1)                                 \
    M(BASE_CHAIN, "nf_tables", nft_base_chain, "chain", 0x50, 0x78)                                \
    M(CHAIN_TYPE_NAME, "nf_tables", nft_chain_type, "name", 0, 8)                                  \
    M(HOOK_LIST, "nf_tables", nft_hook, "list", 0, 16)                                             \
    M(HOOK_OPS, "nf_tables", nft_hook, "ops", 0x10, 0x28)                                          \
    M(HOOK_IFNAME, "nf_tables", nft_hook, "ifname", NFT_NONE, 16)                                  \
    M(RULE_LIST, "nf_tables", nft_rule, "list", 0, 16)                                             \
    M(RULE_HANDLE, "nf_tables", nft_rule, "handle", 0x10, 8)                                       \
    M(RULE_GENMASK, "nf_tables", nft_rule, "genmask", 0x10, 8)                                     \
    M(RULE_DLEN, "nf_tables", nft_rule, "dlen", 0x10, 8)                                           \
    M(RULE_UDATA, "nf_tables", nft_rule, "udata", 0x10, 8)                                         \
    M(RULE_DATA, "nf_tables", nft_rule, "data", 0x18, 0)                                           \
    M(EXPR_DATA, "nf_tables", nft_expr, "data", 8, 0)                                              \
    M(OPS_SIZE, "nf_tables", nft_expr_ops, "size", 0x10, 4)                                        \
    M(OPS_TYPE, "nf_tables", nft_expr_ops, "type", 0x68, 8)                                        \
    M(OPS_DATA, "nf_tables", nft_expr_ops, "data", 0x70, 8)                                        \
    M(TYPE_NAME, "nf_tables", nft_expr_type, "name", 0x28, 8)                                      \
    M(SET_LIST, "nf_tables", nft_set, "list", 0, 16)                                               \
    M(SET_TABLE, "nf_tables", nft_set, "table", 0x28, 8)                                           \
    M(SET_NAME, "nf_tables", nft_set, "name", 0x38, 8)                                             \
    M(SET_HANDLE, "nf_tables", nft_set, "handle", 0x40, 8)                                         \
    M(SET_KTYPE, "nf_tables", nft_set, "ktype", 0x48, 4)                                           \
    M(SET_DTYPE, "nf_tables", nft_set, "dtype", 0x4c, 4)                                           \
    M(SET_OBJTYPE, "nf_tables", nft_set, "objtype", 0x50, 4)                                       \
    M(SET_SIZE, "nf_tables", nft_set, "size", 0x54, 4)                                             \
    M(SET_FIELD_LEN, "nf_tables", nft_set, "field_len", 0x58, 16)                                  \
    M(SET_FIELDS, "nf_tables", nft_set, "field_count", 0x68, 1)                                    \
    M(SET_TIMEOUT, "nf_tables", nft_set, "timeout", 0x78, 8)                                       \
    M(SET_GC, "nf_tables", nft_set, "gc_int", 0x80, 4)                                             \
    M(SET_POLICY, "nf_tables", nft_set, "policy", 0x84, 2)                                         \
    M(SET_UDLEN, "nf_tables", nft_set, "udlen", 0x86, 2)                                           \
    M(SET_UDATA, "nf_tables", nft_set, "udata", 0x88, 8)                                           \
    M(SET_OPS, "nf_tables", nft_set, "ops", 0xc0, 8)                                               \
    M(SET_FLAGS, "nf_tables", nft_set, "flags", 0xc8, 2)                                           \
    M(SET_GENMASK, "nf_tables", nft_set, "genmask", 0xc8, 2)                                       \
    M(SET_KLEN, "nf_tables", nft_set, "klen", 0xca, 1)                                             \
    M(SET_DLEN, "nf_tables", nft_set, "dlen", 0xcb, 1)                                             \
    M(SET_NEXPRS, "nf_tables", nft_set, "num_exprs", NFT_NONE, 1)                                  \
    M(SET_EXPRS, "nf_tables", nft_set, "exprs", 0x90, 8)                                           \
    M(SET_CATCHALL, "nf_tables", nft_set, "catchall_list", NFT_NONE, 16)                           \
    M(SET_DATA, "nf_tables", nft_set, "data", 0xd0, 0)                                             \
    M(CATCHALL_LIST, "nf_tables", nft_set_elem_catchall, "list", NFT_NONE, 16)                     \
    M(CATCHALL_ELEM, "nf_tables", nft_set_elem_catchall, "elem", NFT_NONE, 8)                      \
    M(SETOPS_ELEMSIZE, "nf_tables", nft_set_ops, "elemsize", 0x88, 4)                              \
    M(EXT_GENMASK, "nf_tables", nft_set_ext, "genmask", 0, 1)                                      \
    M(EXT_OFFSET, "nf_tables", nft_set_ext, "offset", 1, 9)                                        \
    M(ELEM_EXPRS, "nf_tables", nft_set_elem_expr, "data", NFT_NONE, 0)                             \
    M(HASH_BUCKETS, "nf_tables", nft_hash, "buckets", 4, 4)                                        \
    M(HASH_TABLE, "nf_tables", nft_hash, "table", 8, 0)                                            \
    M(BITMAP_LIST, "nf_tables", nft_bitmap, "list", 0, 16)                                         \
    M(PIPAPO_MATCH, "nf_tables", nft_pipapo, "match", 0, 8)                                        \
    M(MATCH_FIELDS, "nf_tables", nft_pipapo_match, "field_count", 0, 4)                            \
    M(MATCH_F, "nf_tables", nft_pipapo_match, "f", 0x28, 0)                                        \
    M(FIELD_RULES, "nf_tables", nft_pipapo_field, "rules", 8, 8)                                   \
    M(FIELD_MT, "nf_tables", nft_pipapo_field, "mt", 0x30, 8)                                      \
    M(OBJ_LIST, "nf_tables", nft_object, "list", 0, 16)                                            \
    M(OBJ_NAME, "nf_tables", nft_object, "key.name", 0x20, 8)                                      \
    M(OBJ_TABLE, "nf_tables", nft_object, "key.table", 0x28, 8)                                    \
    M(OBJ_GENMASK, "nf_tables", nft_object, "genmask", 0x30, 4)                                    \
    M(OBJ_HANDLE, "nf_tables", nft_object, "handle", 0x38, 8)                                      \
    M(OBJ_UDLEN, "nf_tables", nft_object, "udlen", 0x40, 2)                                        \
    M(OBJ_UDATA, "nf_tables", nft_object, "udata", 0x48, 8)                                        \
    M(OBJ_OPS, "nf_tables", nft_object, "ops", 0x80, 8)                                            \
    M(OBJ_DATA, "nf_tables", nft_object, "data", 0x88, 0)                                          \
    M(OBJOPS_TYPE, "nf_tables", nft_object_ops, "type", 0x30, 8)                                   \
    M(OBJTYPE_TYPE, "nf_tables", nft_object_type, "type", 0x20, 4)                                 \
    M(FT_LIST, "nf_tables", nft_flowtable, "list", 0, 16)                                          \
    M(FT_NAME, "nf_tables", nft_flowtable, "name", 0x18, 8)                                        \
    M(FT_HOOK, "nf_tables", nft_flowtable, "hooknum", 0x20, 4)                                     \
    M(FT_GENMASK, "nf_tables", nft_flowtable, "genmask", 0x28, 4)                                  \
    M(FT_HANDLE, "nf_tables", nft_flowtable, "handle", 0x30, 8)                                    \
    M(FT_HOOKS, "nf_tables", nft_flowtable, "hook_list", 0x40, 16)                                 \
    M(FT_PRIORITY, "nf_tables", nft_flowtable, "data.priority", 0xe8, 4)                           \
    M(PAYLOAD_BASE, "nf_tables", nft_payload, "base", 0, 1)                                        \
    M(PAYLOAD_OFFSET, "nf_tables", nft_payload, "offset", 1, 1)                                    \
    M(PAYLOAD_LEN, "nf_tables", nft_payload, "len", 2, 1)                                          \
    M(PAYLOAD_DREG, "nf_tables", nft_payload, "dreg", 3, 1)                                        \
    M(PAYSET_BASE, "nf_tables", nft_payload_set, "base", 0, 1)                                     \
    M(PAYSET_OFFSET, "nf_tables", nft_payload_set, "offset", 1, 1)                                 \
    M(PAYSET_LEN, "nf_tables", nft_payload_set, "len", 2, 1)                                       \
    M(PAYSET_SREG, "nf_tables", nft_payload_set, "sreg", 3, 1)                                     \
    M(META_KEY, "nf_tables", nft_meta, "key", 0, 1)                                                \
    M(META_REG, "nf_tables", nft_meta, "dreg", 1, 1)                                               \
    M(CMP_DATA, "nf_tables", nft_cmp_expr, "data", 0, 16)                                          \
    M(CMP_SREG, "nf_tables", nft_cmp_expr, "sreg", 0x10, 1)                                        \
    M(CMP_LEN, "nf_tables", nft_cmp_expr, "len", 0x11, 1)                                          \
    M(CMP_OP, "nf_tables", nft_cmp_expr, "op", 0x12, 1)                                            \
    M(FAST_DATA, "nf_tables", nft_cmp_fast_expr, "data", 0, 4)                                     \
    M(FAST_SREG, "nf_tables", nft_cmp_fast_expr, "sreg", 8, 1)                                     \
    M(FAST_LEN, "nf_tables", nft_cmp_fast_expr, "len", 9, 1)                                       \
    M(FAST_INV, "nf_tables", nft_cmp_fast_expr, "inv", 10, 1)                                      \
    M(CMP16_DATA, "nf_tables", nft_cmp16_fast_expr, "data", 0, 16)                                 \
    M(CMP16_SREG, "nf_tables", nft_cmp16_fast_expr, "sreg", 0x20, 1)                               \
    M(CMP16_LEN, "nf_tables", nft_cmp16_fast_expr, "len", 0x21, 1)                                 \
    M(CMP16_INV, "nf_tables", nft_cmp16_fast_expr, "inv", 0x22, 1)                                 \
    M(RANGE_FROM, "nf_tables", nft_range_expr, "data_from", 0, 16)                                 \
    M(RANGE_TO, "nf_tables", nft_range_expr, "data_to", 0x10, 16)                                  \
    M(RANGE_SREG, "nf_tables", nft_range_expr, "sreg", 0x20, 1)                                    \
    M(RANGE_LEN, "nf_tables", nft_range_expr, "len", 0x21, 1)                                      \
    M(RANGE_OP, "nf_tables", nft_range_expr, "op", 0x22, 1)                                        \
    M(BIT_SREG, "nf_tables", nft_bitwise, "sreg", 0, 1)                                            \
    M(BIT_SREG2, "nf_tables", nft_bitwise, "sreg2", NFT_NONE, 1)                                   \
    M(BIT_DREG, "nf_tables", nft_bitwise, "dreg", 1, 1)                                            \
    M(BIT_OP, "nf_tables", nft_bitwise, "op", 2, 1)                                                \
    M(BIT_LEN, "nf_tables", nft_bitwise, "len", 3, 1)                                              \
    M(BIT_MASK, "nf_tables", nft_bitwise, "mask", 8, 16)                                           \
    M(BIT_XOR, "nf_tables", nft_bitwise, "xor", 0x18, 16)                                          \
    M(BIT_DATA, "nf_tables", nft_bitwise, "data", 0x28, 16)                                        \
    M(BITF_MASK, "nf_tables", nft_bitwise_fast_expr, "mask", 0, 4)                                 \
    M(BITF_XOR, "nf_tables", nft_bitwise_fast_expr, "xor", 4, 4)                                   \
    M(BITF_SREG, "nf_tables", nft_bitwise_fast_expr, "sreg", 8, 1)                                 \
    M(BITF_DREG, "nf_tables", nft_bitwise_fast_expr, "dreg", 9, 1)                                 \
    M(ORDER_SREG, "nf_tables", nft_byteorder, "sreg", 0, 1)                                        \
    M(ORDER_DREG, "nf_tables", nft_byteorder, "dreg", 1, 1)                                        \
    M(IMM_DATA, "nf_tables", nft_immediate_expr, "data", 0, 16)                                    \
    M(IMM_DREG, "nf_tables", nft_immediate_expr, "dreg", 0x10, 1)                                  \
    M(IMM_LEN, "nf_tables", nft_immediate_expr, "dlen", 0x11, 1)                                   \
    M(LOOKUP_SET, "nf_tables", nft_lookup, "set", 0, 8)                                            \
    M(LOOKUP_SREG, "nf_tables", nft_lookup, "sreg", 8, 1)                                          \
    M(LOOKUP_DREG, "nf_tables", nft_lookup, "dreg", 9, 1)                                          \
    M(LOOKUP_INV, "nf_tables", nft_lookup, "invert", 10, 1)                                        \
    M(LOOKUP_HAS, "nf_tables", nft_lookup, "dreg_set", NFT_NONE, 1)                                \
    M(DYN_SET, "nf_tables", nft_dynset, "set", 0, 8)                                               \
    M(DYN_OP, "nf_tables", nft_dynset, "op", 0x1c, 1)                                              \
    M(DYN_KEY, "nf_tables", nft_dynset, "sreg_key", 0x1d, 1)                                       \
    M(DYN_VALUE, "nf_tables", nft_dynset, "sreg_data", 0x1e, 1)                                    \
    M(DYN_INV, "nf_tables", nft_dynset, "invert", 0x1f, 1)                                         \
    M(DYN_NEXPRS, "nf_tables", nft_dynset, "num_exprs", NFT_NONE, 1)                               \
    M(DYN_TIMEOUT, "nf_tables", nft_dynset, "timeout", 0x20, 8)                                    \
    M(DYN_EXPRS, "nf_tables", nft_dynset, "expr_array", 0x28, 8)                                   \
    M(RT_KEY, "nf_tables", nft_rt, "key", 0, 1)                                                    \
    M(RT_DREG, "nf_tables", nft_rt, "dreg", 1, 1)                                                  \
    M(EXT_TYPE, "nf_tables", nft_exthdr, "type", 0, 1)                                             \
    M(EXT_OFF, "nf_tables", nft_exthdr, "offset", 1, 1)                                            \
    M(EXT_LEN, "nf_tables", nft_exthdr, "len", 2, 1)                                               \
    M(EXT_OP, "nf_tables", nft_exthdr, "op", 3, 1)                                                 \
    M(EXT_DREG, "nf_tables", nft_exthdr, "dreg", 4, 1)                                             \
    M(EXT_SREG, "nf_tables", nft_exthdr, "sreg", 5, 1)                                             \
    M(EXT_FLAGS, "nf_tables", nft_exthdr, "flags", 6, 1)                                           \
    M(LAST_LAST, "nf_tables", nft_last_priv, "last", NFT_NONE, 8)                                  \
    M(LAST_JIFFIES, "nf_tables", nft_last, "jiffies", NFT_NONE, 8)                                 \
    M(LAST_SET, "nf_tables", nft_last, "set", NFT_NONE, 4)                                         \
    M(COUNTER_AT, "nf_tables", nft_counter_percpu_priv, "counter", 0, 8)                           \
    M(COUNTER_BYTES, "nf_tables", nft_counter, "bytes", 0, 8)                                      \
    M(COUNTER_PACKETS, "nf_tables", nft_counter, "packets", 8, 8)                                  \
    M(OBJMAP_SET, "nf_tables", nft_objref_map, "set", 0, 8)                                        \
    M(OBJMAP_SREG, "nf_tables", nft_objref_map, "sreg", 8, 1)                                      \
    M(CT_KEY, "nft_ct", nft_ct, "key", 0, 1)                                                       \
    M(CT_DIR, "nft_ct", nft_ct, "dir", 1, 1)                                                       \
    M(CT_REG, "nft_ct", nft_ct, "dreg", 2, 1)                                                      \
    M(LIMIT_AT, "nft_limit", nft_limit_priv, "limit", NFT_NONE, 8)                                 \
    M(LIMIT_RATE, "nft_limit", nft_limit_priv, "rate", 0x20, 8)                                    \
    M(LIMIT_NSECS, "nft_limit", nft_limit_priv, "nsecs", 0x28, 8)                                  \
    M(LIMIT_BURST, "nft_limit", nft_limit_priv, "burst", 0x30, 4)                                  \
    M(LIMIT_INV, "nft_limit", nft_limit_priv, "invert", 0x34, 1)                                   \
    M(LOG_TYPE, "nft_log", nft_log, "loginfo.type", 0, 1)                                          \
    M(LOG_U, "nft_log", nft_log, "loginfo.u", 4, 12)                                               \
    M(LOG_PREFIX, "nft_log", nft_log, "prefix", 0x10, 8)                                           \
    M(MASQ_FLAGS, "nft_masq", nft_masq, "flags", 0, 4)                                             \
    M(MASQ_MIN, "nft_masq", nft_masq, "sreg_proto_min", 4, 1)                                      \
    M(MASQ_MAX, "nft_masq", nft_masq, "sreg_proto_max", 5, 1)                                      \
    M(NAT_ADDR_MIN, "nft_nat", nft_nat, "sreg_addr_min", 0, 1)                                     \
    M(NAT_ADDR_MAX, "nft_nat", nft_nat, "sreg_addr_max", 1, 1)                                     \
    M(NAT_PROTO_MIN, "nft_nat", nft_nat, "sreg_proto_min", 2, 1)                                   \
    M(NAT_PROTO_MAX, "nft_nat", nft_nat, "sreg_proto_max", 3, 1)                                   \
    M(NAT_TYPE, "nft_nat", nft_nat, "type", 4, 1)                                                  \
    M(NAT_FAMILY, "nft_nat", nft_nat, "family", 5, 1)                                              \
    M(NAT_FLAGS, "nft_nat", nft_nat, "flags", 6, 2)                                                \
    M(REDIR_MIN, "nft_redir", nft_redir, "sreg_proto_min", 0, 1)                                   \
    M(REDIR_MAX, "nft_redir", nft_redir, "sreg_proto_max", 1, 1)                                   \
    M(REDIR_FLAGS, "nft_redir", nft_redir, "flags", 2, 2)                                          \
    M(REJECT_TYPE, "nft_reject", nft_reject, "type", 0, 1)                                         \
    M(REJECT_CODE, "nft_reject", nft_reject, "icmp_code", 1, 1)                                    \
    M(QUOTA_QUOTA, "nft_quota", nft_quota, "quota", 0, 8)                                          \
    M(QUOTA_FLAGS, "nft_quota", nft_quota, "flags", 8, 8)                                          \
    M(QUOTA_CONSUMED, "nft_quota", nft_quota, "consumed", 0x10, 8)                                 \
    M(QUEUE_SREG, "nft_queue", nft_queue, "sreg_qnum", 0, 1)                                       \
    M(QUEUE_NUM, "nft_queue", nft_queue, "queuenum", 2, 2)                                         \
    M(QUEUE_TOTAL, "nft_queue", nft_queue, "queues_total", 4, 2)                                   \
    M(QUEUE_FLAGS, "nft_queue", nft_queue, "flags", 6, 2)                                          \
    M(FIB_DREG, "nft_fib", nft_fib, "dreg", 0, 1)                                                  \
    M(FIB_RESULT, "nft_fib", nft_fib, "result", 1, 1)                                              \
    M(FIB_FLAGS, "nft_fib", nft_fib, "flags", 4, 4)                                                \
    M(NGI_DREG, "nft_numgen", nft_ng_inc, "dreg", 0, 1)                                            \
    M(NGI_MOD, "nft_numgen", nft_ng_inc, "modulus", 4, 4)                                          \
    M(NGI_OFFSET, "nft_numgen", nft_ng_inc, "offset", 0xc, 4)                                      \
    M(NGR_DREG, "nft_numgen", nft_ng_random, "dreg", 0, 1)                                         \
    M(NGR_MOD, "nft_numgen", nft_ng_random, "modulus", 4, 4)                                       \
    M(NGR_OFFSET, "nft_numgen", nft_ng_random, "offset", 8, 4)                                     \
    M(JH_SREG, "nft_hash", nft_jhash, "sreg", 0, 1)                                                \
    M(JH_DREG, "nft_hash", nft_jhash, "dreg", 1, 1)                                                \
    M(JH_LEN, "nft_hash", nft_jhash, "len", 2, 1)                                                  \
    M(JH_AUTO, "nft_hash", nft_jhash, "autogen_seed", 3, 1)                                        \
    M(JH_MOD, "nft_hash", nft_jhash, "modulus", 4, 4)                                              \
    M(JH_SEED, "nft_hash", nft_jhash, "seed", 8, 4)                                                \
    M(JH_OFFSET, "nft_hash", nft_jhash, "offset", 0xc, 4)                                          \
    M(SH_DREG, "nft_hash", nft_symhash, "dreg", 0, 1)                                              \
    M(SH_MOD, "nft_hash", nft_symhash, "modulus", 4, 4)                                            \
    M(SH_OFFSET, "nft_hash", nft_symhash, "offset", 8, 4)                                          \
    M(SOCK_KEY, "nft_socket", nft_socket, "key", 0, 1)                                             \
    M(SOCK_LEVEL, "nft_socket", nft_socket, "level", NFT_NONE, 1)                                  \
    M(SOCK_DREG, "nft_socket", nft_socket, "dreg", 1, 1)                                           \
    M(TPROXY_ADDR, "nft_tproxy", nft_tproxy, "sreg_addr", 0, 1)                                    \
    M(TPROXY_PORT, "nft_tproxy", nft_tproxy, "sreg_port", 1, 1)                                    \
    M(TPROXY_FAMILY, "nft_tproxy", nft_tproxy, "family", 2, 1)                                     \
    M(DUP4_ADDR, "nft_dup_ipv4", nft_dup_ipv4, "sreg_addr", 0, 1)                                  \
    M(DUP4_DEV, "nft_dup_ipv4", nft_dup_ipv4, "sreg_dev", 1, 1)                                    \
    M(CONN_LIMIT, "nft_connlimit", nft_connlimit, "limit", NFT_NONE, 4)                            \
    M(CONN_INV, "nft_connlimit", nft_connlimit, "invert", NFT_NONE, 1)                             \
    M(FLOW_TABLE, "nft_flow_offload", nft_flow_offload, "flowtable", 0, 8)                         \
    M(SYN_INFO, "nft_synproxy", nft_synproxy, "info", 0, 4)                                        \
    M(HELPER_4, "nft_ct", nft_ct_helper_obj, "helper4", 0, 8)                                      \
    M(HELPER_6, "nft_ct", nft_ct_helper_obj, "helper6", 8, 8)                                      \
    M(HELPER_L4, "nft_ct", nft_ct_helper_obj, "l4proto", 0x10, 1)                                  \
    M(EXPECT_L3, "nft_ct", nft_ct_expect_obj, "l3num", 0, 2)                                       \
    M(EXPECT_PORT, "nft_ct", nft_ct_expect_obj, "dport", 2, 2)                                     \
    M(EXPECT_L4, "nft_ct", nft_ct_expect_obj, "l4proto", 4, 1)                                     \
    M(EXPECT_SIZE, "nft_ct", nft_ct_expect_obj, "size", 5, 1)                                      \
    M(EXPECT_TIMEOUT, "nft_ct", nft_ct_expect_obj, "timeout", 8, 4)                                \
    M(CTT_TIMEOUT, "nft_ct", nft_ct_timeout_obj, "timeout", 0, 8)                                  \
    M(CTT_L4, "nft_ct", nft_ct_timeout_obj, "l4proto", 8, 1)                                       \
    M(TIMEOUT_L3, "nf_conntrack", nf_ct_timeout, "l3num", 0, 2)                                    \
    M(TIMEOUT_DATA, "nf_conntrack", nf_ct_timeout, "data", 0x20, 0)

enum nft_member {
#define NFT_ENUM_(name, ...) NFT_##name,
    NFT_MEMBERS(NFT_ENUM_)
#undef NFT_ENUM_
        NFT_MEMBERS_N
};

enum { NFT_REGS = 20, NFT_KEY_MAX = 64, NFT_ELEMENTS_MAX = 1 << 20 };

struct nft_rule_state;
struct linux_nft {
    struct eg_run *r;
    struct eg_slot slots[NFT_MEMBERS_N];
    bool old; /**< the layouts of 5.10 */
    struct eg_obj net;
    struct linux_pernet pernet;
    uint64_t tables;             /**< list_head */
    uint8_t genmask;             /**< an object is active when it has not this bit */
    uint64_t jiffies;            /**< 0: not known */
    int64_t jiffy;               /**< ns */
    uint32_t elements_left;      /**< of sets, that may still be shown */
    struct nft_rule_state *rule; /**< of the rule that is put together: one at a time */
};

bool nft_layout(struct linux_nft *n);
bool nft_has(const struct linux_nft *n, enum nft_member m);
/** The address of a member of the struct at @base. */
uint64_t nft_at(const struct linux_nft *n, uint64_t base, enum nft_member m);
/** Its value. @return false: it cannot be read. */
bool nft_num(const struct linux_nft *n, uint64_t base, enum nft_member m, uint64_t *out);
/** The same, with 0 for what cannot be read: for what only a text shows. */
uint64_t nft_get(const struct linux_nft *n, uint64_t base, enum nft_member m);
/** Bytes of a member, at most @max. @return false: not all of them can be read. */
bool nft_bytes(const struct linux_nft *n, uint64_t base, enum nft_member m, void *out, size_t max);
bool nft_read(const struct linux_nft *n, uint64_t at, void *out, size_t len);
bool nft_pointer(const struct linux_nft *n, uint64_t at, uint64_t *out);
/** The text that a pointer there points to; NULL. */
const char *nft_string(const struct linux_nft *n, uint64_t base, enum nft_member m);
bool nft_next(struct linux_nft *n, struct linux_nft_walk *w, uint64_t head, enum nft_member link,
              uint64_t *out);
bool nft_active(const struct linux_nft *n, uint64_t base, enum nft_member genmask);
/** An attribute of user data (struct nftnl_udata: type, length, bytes): NULL: none. */
const uint8_t *nft_udata(const uint8_t *data, size_t len, uint8_t type, size_t *size);

/* ---- nft_data.c: values as text ---- */

/** ORDER nft_type: enum datatypes of nftables (include/datatype.h) */
enum nft_type {
    T_INVALID,
    T_VERDICT,
    T_NFPROTO,
    T_BITMASK,
    T_INTEGER,
    T_STRING,
    T_LLADDR,
    T_IPADDR,
    T_IP6ADDR,
    T_ETHERADDR,
    T_ETHERTYPE,
    T_ARPOP,
    T_INET_PROTOCOL,
    T_INET_SERVICE,
    T_ICMP_TYPE,
    T_TCP_FLAG,
    T_DCCP_PKTTYPE,
    T_MH_TYPE,
    T_TIME,
    T_MARK,
    T_IFINDEX,
    T_ARPHRD,
    T_REALM,
    T_CLASSID,
    T_UID,
    T_GID,
    T_CT_STATE,
    T_CT_DIR,
    T_CT_STATUS,
    T_ICMP6_TYPE,
    T_CT_LABEL,
    T_PKTTYPE,
    T_ICMP_CODE,
    T_ICMPV6_CODE,
    T_ICMPX_CODE,
    T_DEVGROUP,
    T_DSCP,
    T_ECN,
    T_FIB_ADDR,
    T_BOOLEAN,
    T_CT_EVENTBIT,
    T_IFNAME,
    T_IGMP_TYPE,
    T_TIME_DATE,
    T_TIME_HOUR,
    T_TIME_DAY,
    T_CGROUPV2,
    T_TYPES,
    T_HOST_INTEGER = T_TYPES, /**< of ours: a number in the host's order */
};
const char *nft_type_name(uint32_t type);
/** Bytes of a value of this type; 0: of any length. */
unsigned nft_type_size(uint32_t type);
/** Is it kept in the host's byte order? Bytes are then those of a little-endian machine, unless
 * @big. */
bool nft_type_is_host(uint32_t type);
/** Is it printed as names of bits, and compared by "any of them"? */
bool nft_type_is_bits(uint32_t type);
/** A value as text. @big: its bytes are in network order. */
void nft_value(struct linux_nft *n, struct linux_text *t, uint32_t type, const uint8_t *bytes,
               size_t len, bool big);
/** A value with a mask: a prefix where it is one. @return false: it is none. */
bool nft_prefix(const uint8_t *mask, size_t len, unsigned *bits);
/** A range of values: one value, a prefix or both ends. */
void nft_range(struct linux_nft *n, struct linux_text *t, uint32_t type, const uint8_t *from,
               const uint8_t *to, size_t len, bool big);
/** "1d2h3m4s5ms". */
void nft_duration(struct linux_text *t, uint64_t ms);
/** The bits of a tcp_flag: "syn,ack" with @gap between them. */
void nft_bit_names(struct linux_text *t, uint32_t type, uint64_t bits, const char *gap);

/* ---- nft_proto.c: fields of headers ---- */

enum nft_base { BASE_LL, BASE_NH, BASE_TH, BASE_INNER, BASES };
enum nft_proto {
    P_NONE,
    P_ETHER,
    P_VLAN,
    P_IP,
    P_IP6,
    P_ARP,
    P_TCP,
    P_UDP,
    P_UDPLITE,
    P_SCTP,
    P_DCCP,
    P_ICMP,
    P_ICMP6,
    P_IGMP,
    P_ESP,
    P_AH,
    P_COMP,
    P_TH,
};
struct nft_field {
    uint8_t proto, type;
    const char *name;
    uint16_t at, bits; /**< in bits */
    uint8_t shift;     /**< of a field of bits: how far its value is from bit 0 */
};
/** The field of a protocol there; NULL: none begins there with this length. */
const struct nft_field *nft_field_at(enum nft_proto p, unsigned bit, unsigned bits);
/** An address's beginning: what a match of a prefix compares. */
const struct nft_field *nft_field_around(enum nft_proto p, unsigned bit, unsigned bits);
const char *nft_proto_name(enum nft_proto p);
/** The protocol that a value of this field selects in the header behind. */
enum nft_proto nft_proto_by_ethertype(uint16_t type);
enum nft_proto nft_proto_by_number(uint8_t protocol);

/* ---- nft_expr.c, nft_stmt.c: rules ---- */

/** What a register holds: a constant, or what an expression gives. */
struct nft_reg {
    enum { REG_NONE, REG_CONST, REG_EXPR, REG_PAYLOAD } kind;
    uint32_t type;
    uint8_t len;      /**< bytes */
    bool big;         /**< network order */
    const char *text; /**< REG_EXPR */
    uint8_t base;     /**< REG_PAYLOAD */
    uint16_t offset;
    uint8_t bytes[NFT_KEY_MAX]; /**< REG_CONST */
    bool masked;                /**< a bitwise expression worked on it: (value & mask) ^ xor */
    uint8_t mask[NFT_KEY_MAX], xor[NFT_KEY_MAX];
    int dependency; /**< REG_PAYLOAD: what the statement that selects its protocol is, -1 */
    bool exists;    /**< a test for being there */
    uint8_t key;    /**< of a meta expression its key + 1 */
};
enum { NFT_STMTS_MAX = 256 };
struct nft_stmt {
    const char *text;
    bool gone; /**< an implied match, that the next one says again */
};
struct nft_rule_state {
    struct linux_nft *n;
    uint8_t family;
    uint64_t table;
    struct nft_reg regs[NFT_REGS];
    struct nft_stmt stmts[NFT_STMTS_MAX];
    size_t n_stmts;
    uint8_t proto[BASES];   /**< enum nft_proto */
    int dependency[BASES];  /**< the statement that selected it; -1: none */
    struct linux_text text; /**< of the statement that is being made */
    const char *lost;
    /** The last comparison, where it was "greater or equal": the next may close a range. */
    int open_stmt;
    uint8_t open_reg;
    struct nft_reg open_value;
    bool negated;
};
/** An expression at @at, of @size bytes with its ops; @name: of its type. */
bool nft_expr_value(struct nft_rule_state *s, const char *name, uint64_t ops, uint64_t priv);
bool nft_expr_load(struct nft_rule_state *s, const char *name, const char *variant, uint64_t priv);
/** Statements; @return false: not one of them. */
bool nft_expr_statement(struct nft_rule_state *s, const char *name, uint64_t ops, uint64_t priv);
/** Which of the expressions of one type it is: the name of the function that makes it. */
const char *nft_variant(struct linux_nft *n, uint64_t ops);
/** "meta mark", "ct original ip saddr". @return its type. */
uint32_t nft_meta_key(struct linux_text *t, uint64_t key, unsigned *len);
uint32_t nft_ct_key(struct linux_text *t, uint64_t key, uint64_t dir, unsigned *len);
const char *nft_tcp_option(struct linux_nft *n, uint64_t priv);
/** counter, limit, quota, last, ct count: with a state of its own, in rules and elements. */
bool nft_expr_stateful(struct linux_nft *n, struct linux_text *t, const char *name,
                       const char *variant, uint64_t priv);
/** The name of an expression's type at @at, its size with ops; NULL: it is none. */
const char *nft_expr_name(struct linux_nft *n, uint64_t at, uint64_t *ops, uint32_t *size);
/** The field of a packet that a statement writes; with @value, the word that holds its value, also
 * what it is set to: "ip dscp set cs1". */
const char *nft_place_text(struct nft_rule_state *s, const struct nft_reg *place, unsigned len,
                           const uint8_t *value);
uint32_t nft_place_type(struct nft_rule_state *s, const struct nft_reg *place, unsigned len);
void nft_emit(struct nft_rule_state *s);
struct nft_reg *nft_reg(struct nft_rule_state *s, uint64_t number);
struct nft_reg *nft_set_reg(struct nft_rule_state *s, uint64_t number, unsigned len);
/** What a register holds as text, of @len bytes: concatenated where that is more than one value. */
const char *nft_reg_text(struct nft_rule_state *s, uint64_t number, unsigned len, uint32_t type);
const char *nft_rule_text(struct linux_nft *n, const struct linux_nft_table *table, uint64_t rule,
                          const char **lost);
/** A verdict: "accept", "jump NAME". */
void nft_verdict(struct linux_nft *n, struct linux_text *t, uint32_t code, uint64_t chain);

/* ---- nft_set.c ---- */

enum {
    SET_ANONYMOUS = 1,
    SET_CONSTANT = 2,
    SET_INTERVAL = 4,
    SET_MAP = 8,
    SET_TIMEOUT = 0x10,
    SET_EVAL = 0x20,
    SET_OBJECT = 0x40,
};
/** "@name", or the elements of an anonymous one in braces. */
const char *nft_set_ref(struct linux_nft *n, uint64_t set);

/* ---- nft_chain.c, nft_rule.c ---- */

const char *nft_object_kind(uint32_t type);
/** As nft_variant(), of a named object's operations. */
const char *nft_object_variant(struct linux_nft *n, uint64_t ops);
/** The comment in an object's user data; NULL: none. */
const char *nft_comment(struct linux_nft *n, uint64_t base, enum nft_member udlen,
                        enum nft_member udata);

#endif
