/* afalg.c - keys that programs gave to the kernel's ciphers through AF_ALG sockets. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/fs/fdtable.h"
#include "../linux/net/sock.h"
#include "../linux/sched/task.h"
#include "tfm.h"
#include "vault.h"

static void add(struct eg_vault *v, struct eg_map *seen, struct eg_obj task, uint64_t fd,
                struct eg_obj sock)
{
    struct eg_run *r = v->r;
    struct eg_tfm_keys *keys = eg_tmp(r, sizeof *keys);
    const char *name = NULL, *comm = eg_string(r, eg_at(task, task_struct.comm), 16);
    const uint64_t tfm = linux_alg_handle(r, sock, &name);

    // What accept() makes of a socket has the same transform.
    if (!tfm || !eg_run_map_add(r, seen, tfm, 0))
        return;
    eg_tfm_keys(r, tfm, keys);
    for (size_t i = 0; i < keys->n; i++)
        eg_vault_add(
            v, &(struct eg_vault_key){
                   .kind = "AF_ALG",
                   .name = eg_strf(r, "pid %lld %s, fd %llu",
                                   (long long)eg_get_or((int64_t)-1, task, task_struct.tgid),
                                   comm ? comm : "", (unsigned long long)fd),
                   .purpose = keys->at[i].role == TFM_TWEAK ? "tweak key" : "cipher key",
                   .algorithm = name,
                   .at = tfm,
                   .secret = keys->at[i].key,
                   .len = keys->at[i].size,
                   .proof = keys->at[i].role == TFM_STREAM ? "context of the cipher" : "schedule",
               });
}

static void find(struct eg_vault *v)
{
    struct eg_map *seen = eg_run_map(v->r);
    struct eg_obj task, file;
    uint64_t fd, family;

    linux_each_process(v->r, task) {
        if (!linux_pid_asked(v->r, task))
            continue;
        linux_each_fd(v->r, task, fd, file)
        {
            struct eg_obj sock = linux_file_sock(v->r, file);

            if (eg_get(&family, sock, sock_family) && family == LINUX_AF_ALG)
                add(v, seen, task, fd, sock);
        }
    }
}

EG_KEY_SOURCE(afalg) = { .find = find };
