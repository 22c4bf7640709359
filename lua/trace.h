/** trace.h - a machine that runs, and a script whose functions are called at its events.
 *
 *    on_call("commit_creds", function(k, call) row { DETAIL = call.args.new.uid.val } end)
 *
 *  It does not print: rows, notes and errors of the script go through eg_trace_ops. */
#ifndef EG_LUA_TRACE_H
#define EG_LUA_TRACE_H

#include "../core/registry.h"

struct eg_trace_ops {
    void (*error)(void *context, const char *text); /**< of a handler; the machine goes on */
    void (*note)(void *context, const char *text);
};
struct eg_trace_options {
    const char *name, *text; /**< of the script: its path, for messages, and its source */
    size_t len;
    const char *folder;  /**< of require(); NULL: none */
    size_t memory;       /**< --script-memory; 0: the usual */
    unsigned seconds;    /**< how long one handler may run; 0: the usual */
    const char *out_dir; /**< -o, for eg.output(); NULL: none */
    bool replace;
};
struct eg_trace_counts {
    uint64_t events, errors, missed; /**< missed: returns that were never seen */
    uint64_t lost;                   /**< by the door */
    uint64_t ns;                     /**< that handlers took */
    uint64_t stood;                  /**< ns that the machine stood for events; 0: not known */
    size_t functions, places;        /**< that are caught */
    bool programs;                   /**< functions of programs are caught, */
    size_t user_places;              /**< at so many addresses now */
    bool system_calls;               /**< are, some or all */
    bool emulated;                   /**< a function that is reached costs tens of milliseconds */
};

struct eg_trace;
/** Reach the machine at @where ("gdb:HOST:PORT"). It stands from then on, where that can be. */
int eg_trace_connect(struct eg_trace **out, const char *where, struct eg_error *e);
/** The same with events that come from elsewhere, which are owned from then on (tests). */
struct events;
int eg_trace_new(struct eg_trace **out, struct events *from, struct eg_error *e);
/** Its memory as an image: the caller's, to be closed before the trace. @name: for messages. */
int eg_trace_image(struct eg_trace *t, const char *name, struct eg_image **out, struct eg_error *e);
/** The file that is its memory, as the door says, to be opened as raw; NULL: it does not. */
const char *eg_trace_file(const struct eg_trace *t);
/** The state of its processors, into an image that was opened otherwise. */
int eg_trace_cpus(struct eg_trace *t, struct eg_image *img, struct eg_error *e);
/** Let it run for up to @ms: a processor may be in a program, with page tables that do not map the
 * kernel, and then @sys is found at another moment. */
int eg_trace_let(struct eg_trace *t, int ms, struct eg_error *e);
/** Run the script, and catch what it asks for. @sys, @ops, @context and the options are borrowed
 * until eg_trace_end(). */
int eg_trace_begin(struct eg_trace *t, struct eg_system *sys, const struct eg_trace_options *o,
                   const struct eg_trace_ops *ops, void *context, struct eg_error *e);
/** Columns of the script's rows, from eg_trace_begin() on; ends with the name NULL. */
const struct eg_column *eg_trace_columns(const struct eg_trace *t);
/** Where its rows go. */
void eg_trace_sink(struct eg_trace *t, struct eg_sink sink);
/** on_start() of the script. */
int eg_trace_start(struct eg_trace *t, struct eg_error *e);
/** Let the machine run until an event, at most @ms, and call what the script has for it. @return 1:
 * there was one; 0: none; negative: the machine has ended (-EG_ENOTFOUND), it was reset (-EG_EIO),
 * or the script must. */
int eg_trace_step(struct eg_trace *t, int ms, struct eg_error *e);
/** Has the script called stop()? */
bool eg_trace_stopped(const struct eg_trace *t);
void eg_trace_counts(struct eg_trace *t, struct eg_trace_counts *out);
/** on_end() of the script, and no more events: the system may be closed. */
void eg_trace_end(struct eg_trace *t);
/** Leave the machine, which goes on. NULL-safe. */
void eg_trace_close(struct eg_trace *t);

/** The scripts of the product, by name. */
struct eg_trace_script {
    char name[32], help[160];
    const char *text;
    size_t len;
};
/** @return false past the end. */
bool eg_trace_script_nth(size_t i, struct eg_trace_script *out);
/** Read a script's file, whose syntax is checked: -EG_EFORMAT. *@text: the caller's, to free. */
int eg_trace_read(const char *path, char **text, size_t *len, struct eg_error *e);

#endif
