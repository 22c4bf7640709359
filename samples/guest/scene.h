/* scene.h: what the actors share. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { ALICE = 1001, BOB = 1002, WEB = 1003 };

/* One line of /run/lab/facts.jsonl, in one write: several actors share the file. */
__attribute__((format(printf, 1, 2))) void fact(const char *format, ...);

/* If not @ok: a fact of kind "failed" with errno.  The play goes on. */
void check(bool ok, const char *what);

void sleep_for_ever(void);
void call_me(const char *name);
void become(uid_t uid);
pid_t child(const char *name, void (*run)(void));
int listen_on(int family, int port);
void write_text(const char *path, const char *text);

void webd(void);
void orphan(void);
void threads(void);
void headless(void);
void states(void);
void burner(void);
void renamer(char **argv);
void deleted(void);
void memexec(void);
void rights(void);
void nest(void);
void keeper(void);
void regions(void);
void sockets(void);
void files(void);
void session(void);
void filter(void);

/* of the scene "rich" */
int told(const char *what, int fd);
void openfiles(void);
void exchange(void);
void families(void);
void records(void);
void terminals(void);
void blocks(void);
void names(void);
void logins(void);
void network(void);
void programs(void);
void hog(void);
void packed(void);
int prefer(const char *device, int priority);
void rings(void);
void attributes(void);
void pretend(void);
void stacks(void);

/* of the scene "bpf" */
void kinds(void);
void attached(void);

/* of the scene "marks" */
void planted(void);
void hiders(void);

/* of the scene "intruder" */
void intruder(void);
void posing(void);
