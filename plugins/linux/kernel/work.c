/* work.c - work that is put into queues. */
#include "work.h"
#include <inttypes.h>

EG_FIELD_AS(delayed_of, delayed_work, "timer");
EG_FIELD_AS(delayed_what, delayed_work, "work");
EG_FIELD_AS(delayed_queue, delayed_work, "wq");
EG_FIELD_AS(thread_delayed_of, kthread_delayed_work, "timer"); // include/linux/kthread.h
EG_FIELD_AS(thread_delayed_what, kthread_delayed_work, "work");
EG_FIELD_AS(thread_func, kthread_work, "func");
EG_FIELD_AS(wq_name, workqueue_struct, "name");

static const char *words(struct eg_run *r, const struct linux_work *w)
{
    const char *name =
        w->function.code.symbol ? w->function.code.symbol : eg_strf(r, "%#" PRIx64, w->function.at);

    return w->queue ? eg_strf(r, "work %s of %s", name, w->queue) : eg_strf(r, "work %s", name);
}

void linux_work(struct eg_run *r, struct eg_obj work, struct eg_obj queue, struct linux_work *out)
{
    *out = (struct linux_work){ .at = work, .queue = eg_string(r, eg_at(queue, wq_name), 32) };
    linux_hook(r, eg_at(work, work_struct.func), &out->function);
    out->text = words(r, out);
}

bool linux_work_of_timer(struct eg_run *r, struct eg_obj timer, const struct linux_hook *h,
                         struct linux_work *out)
{
    if (linux_hook_is(h, "delayed_work_timer_fn")) {
        struct eg_obj delayed = eg_container(timer, delayed_of);

        linux_work(r, eg_at(delayed, delayed_what), eg_deref(eg_at(delayed, delayed_queue)), out);
        return true;
    }
    if (linux_hook_is(h, "kthread_delayed_work_timer_fn")) {
        struct eg_obj work = eg_at(eg_container(timer, thread_delayed_of), thread_delayed_what);

        *out = (struct linux_work){ .at = work };
        linux_hook(r, eg_at(work, thread_func), &out->function);
        out->text = words(r, out);
        return true;
    }
    return false;
}
