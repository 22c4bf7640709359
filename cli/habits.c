/* habits.c - what people type who come from elsewhere: options, plugins and commands of Volatility
 * 3 and crash, and what stands for them here. Where there is nothing, a sentence says so.
 *
 *  Names that a plugin of ours answers to are aliases in that plugin's declaration, and not here.
 */
#include "habits.h"
#include "report.h"
#include "topics.h"
#include "verb.h"
#include <ctype.h>
#include <unistd.h>

/* ---- options (vol.py's) ---- */

#define ALWAYS_SO ""
static const struct cli_habit options[] = {
    { "renderer", 0, true, "render", NULL },
    { "output-dir", 0, true, "output", NULL },
    { "symbol-dirs", 0, true, "profile-dir", NULL },
    { "plugin-dirs", 'p', true, "plugin-dir", NULL },
    { "single-location", 0, true, "file", NULL },
    { "verbosity", 'v', false, ALWAYS_SO, NULL }, // what there is to say is always said
    { "offline", 0, false, ALWAYS_SO, NULL },     // there is no other way
    { "clear-cache", 0, false, ALWAYS_SO, NULL }, // there is none
    { "cache-path", 0, true, ALWAYS_SO, NULL },
    { "parallelism", 0, true, "jobs", NULL },
    { "log", 'l', true, NULL, "messages go to standard error: 2>FILE" },
    { "config", 'c', true, NULL, "nothing is configured by a file: say it with options" },
    { "extend", 'e', true, NULL, "nothing is configured by a file: say it with options" },
    { "save-config", 0, true, NULL, "nothing is configured by a file: say it with options" },
    { "write-config", 0, false, NULL, "nothing is configured by a file: say it with options" },
    { "remote-isf-url", 'u', true, NULL,
      "nothing is fetched from a network: -s FOLDER for a folder of symbol files, --profile FILE "
      "for one" },
    { "single-swap-locations", 0, true, NULL,
      "--swap FILE gives a copy of a swap partition or file" },
    { "stackers", 0, true, NULL, "the format is told from the image; --format NAME overrides" },
    { "filters", 0, true, NULL,
      "rows are chosen with --filter 'COLUMN ~ REGEX': `engram help filter`" },
    { "hide-columns", 0, true, NULL, "--columns A,B names those to show" },
    { "dump", 0, false, NULL,
      "procdump, elfdump and mapdump write processes into the folder of -o" },
    { "yara-file", 0, true, NULL, "yara takes --rules FILE" },
    { "yara-compiled-file", 0, true, NULL, "yara takes --rules FILE" },
    { "yara-rules", 0, true, NULL, "yara takes --rules FILE; regex and bytes take a pattern" },
    { "yara-string", 0, true, NULL, "yara takes --rules FILE; regex and bytes take a pattern" },
    { "print-completion", 0, true, NULL, "the completions are installed with the command" },
};

const struct cli_habit *cli_habit(const char *name, char letter)
{
    for (size_t i = 0; i < countof(options); i++)
        if (name ? !strcmp(options[i].name, name) : options[i].letter == letter)
            return &options[i];
    return NULL;
}

/* ---- verbs (crash's commands) ---- */

static const struct {
    const char *theirs, *ours;
} verbs[] = {
    { "rd", "hexdump" },
    { "struct", "dt" },
    { "union", "dt" },
    { "p", "dt" },
};

const char *cli_habit_verb_nth(size_t i, const char **ours)
{
    if (i >= countof(verbs))
        return NULL;
    *ours = verbs[i].ours;
    return verbs[i].theirs;
}

const char *cli_habit_verb(const char *name)
{
    for (size_t i = 0; i < countof(verbs); i++)
        if (!strcmp(verbs[i].theirs, name))
            return verbs[i].ours;
    return name;
}

const char *cli_habit_renderer(const char *name)
{
    return !strcasecmp(name, "quick") ? "text" : name;
}

/* ---- commands of two words, of the machine's own tools ---- */

static const struct {
    const char *first, *second, *ours; /* of @second several, spaces around each */
} pairs[] = {
    { "ip", " a addr address l link maddr maddress ", "interfaces" },
    { "ip", " r ro route ", "routes" },
    { "ip", " ru rule ", "rules" },
    { "ip", " n neigh neighbor neighbour ntable ", "neighbours" },
    { "ip", " x xfrm ", "xfrm" },
    { "ip", " netns ", "namespaces" },
    { "xfrm", " state policy ", "xfrm" },
    { "bridge", " fdb ", "fdb" },
    { "bridge", " link vlan ", "interfaces" },
    { "nft", " list ", "nftables" },
    { "nftables", " ruleset ", "nftables" },
    { "tc", " qdisc class filter ", "tc" },
    { "dmsetup", " table ls info ", "lsblk" },
};

const char *cli_habit_words(const char *first, const char *second)
{
    const struct eg_plugin_reg *reg;
    char key[32];

    if ((size_t)snprintf(key, sizeof key, " %s ", second) >= sizeof key)
        return NULL;
    for (size_t i = 0; i < countof(pairs); i++)
        if (!strcmp(pairs[i].first, first) && strstr(pairs[i].second, key))
            return pairs[i].ours;
    reg = !strcmp(second, "show") ? eg_plugin_find(first) : NULL;
    return reg ? reg->name : NULL;
}

/* ---- plugins and commands that are not here ---- */

#define NO_PLUGIN "no plugin here "
static const struct {
    const char *names; /* of vol.py without "linux." and the class, of crash; spaces around each */
    const char *say;
} elsewhere[] = {
    { " vmscan ", "machines inside this one are not looked for" },
    { " fuser ", "`lsof` lists open files, with --mappings also those that are mapped" },
    { " iptables_nft ", "`nftables` shows the rules that iptables-nft made" },
    { " elfcoredump memdump ",
      "`procdump` writes a process as a core file, `mapdump` each of its mappings" },
    { " bash_env ", "`bash --env` shows the variables that shells have" },
    { " bash_hash ", "`bash --hash` shows where shells found the commands that they ran" },
    { " dynamic_env psenv ",
      "`envars --now` shows the environment as it is, `envars` as it was at the start" },
    { " proc_maps proc_maps_rb memmap ", "`maps` lists the mappings of processes" },
    { " pslist_cache vma_cache kmem_cache ",
      "`slabs --objects CACHE` lists the objects of a cache; `psscan` finds tasks there" },
    { " grep findstr ", "`regex --pattern P` finds a text, `strings` lists all" },
    { " imageinfo kdbgscan ", "`engram IMAGE` says what the image is" },
    { " check_unlinked_modules ",
      "`hidden_modules` finds modules that are not on the kernel's list" },
    { " cryptsetup ",
      "`volumekeys` finds the keys of open volumes, `recover` writes their files that are cached" },
    { " bpftool ",
      "`bpfprogs`, `bpfmaps` and `bpflinks` list what of BPF is loaded, and where it is attached" },
    { " tshark wireshark ", "`packets --write -o DIR` writes a file that wireshark opens" },
    { " ethtool nmcli networkctl iw iwconfig ",
      "`interfaces` lists network interfaces and their settings" },
    { " qdisc ", "`tc` lists queueing disciplines" },
    { " setkey swanctl ", "`xfrm` lists policies and states of IPsec" },
    { " nat ", "`conntrack` lists translated connections; `nftables`, `iptables` the rules" },
    { " ipset ufw firewall-cmd firewalld ebtables arptables ",
      "`nftables` and `iptables` list rules and sets, `netfilter` all hooks" },
    { " socket unix netlink netscan connections connscan ",
      "`sockets` lists the sockets of every kind, with --scan also freed ones" },
    { " nfs smb cifs sshfs mountpoint ", "`mounts` lists mounts, `superblocks` file systems" },
    { " df du ", "`fsstat` shows how much of each file system is used" },
    { " journalctl journal ", "`logins --journal` shows the journal as far as it is cached" },
    { " syslog faillog ausearch aureport ",
      "`logins` reads logs that are cached; `recover --path /var/log -o DIR` writes them" },
    { " history ", "`bash` lists the commands that shells remember" },
    { " screenshot screen framebuffer fb ",
      "`fbdev --dump -o DIR` writes what was on the screen, `tty` shows texts of terminals" },
    { " pipe pipes lspipe ", "`lsof` lists pipes; with --data -o DIR it writes what is unread" },
    { " memfd memfd_create shm tmpfs ",
      "`files --type REG` lists files of memory, too, `recover -o DIR` writes them" },
    { " fincore vmtouch ", "`files --cached` lists how much of each file is cached" },
    { " stat ls find fls istat ", "`files` lists files with sizes, owners and times" },
    { " cat cp icat tsk_recover extract foremost photorec carve tar dumpfiles debugfs extundelete ",
      "`recover --path PATH -o DIR` writes files as memory has them" },
    { " filescan ", "`inodes` lists every inode in memory, `files` the files" },
    { " getfattr xattr getfacl ", "`files --wide` has the extended attributes that are cached" },
    { " passwd shadow hashdump ",
      "`recover --path /etc -o DIR` writes files of /etc that are cached" },
    { " mactime plaso psort ",
      "`timeline` lists all times: --body for mactime, --timesketch for Timesketch" },
    { " docker podman crictl ctr containers container kubectl lxc ",
      "`pslist --context` names containers, --container ID chooses one's processes" },
    { " uname hostname ", "`engram IMAGE` says which kernel ran, and where" },
    { " uptime date ", "`boottime` tells when it was booted and the image taken" },
    { " top htop free vmstat ", "`pslist` lists processes, `pages` counts memory" },
    { " id getpcaps ", "`capabilities`, `setuid` and `psaux` have users and rights of processes" },
    { " env printenv ", "`envars` lists environment variables" },
    { " lsns nsenter ip_netns ", "`namespaces` lists them" },
    { " lsipc ", "`ipcs` lists shared memory, semaphores and message queues" },
    { " lslocks ", "`locks` lists locks of files" },
    { " lslogins ", "`logins` lists logins" },
    { " lsmem ", "`iomem` lists RAM and devices, `pages` counts memory" },
    { " pmap procmaps ", "`maps` lists the mappings of processes" },
    { " pgrep pidof cmdline ", "`psaux` lists command lines; --name REGEX chooses processes" },
    { " handles ", "`lsof` lists open files" },
    { " strace ltrace ", "`kstack` and `ustack` show the calls that threads are in" },
    { " dmidecode lshw hwinfo ", "`cpus`, `devices` and `iomem` list the hardware" },
    { " inotifywait inotifywatch auditctl ", "`fanotify` lists what is watched, and by whom" },
    { " frameworkinfo ",
      "`engram --version` says what is built in, `engram plugins` what there is" },
    { " isfinfo ", "`engram profile show FILE` says what a symbol file holds" },
    { " layerwriter ", "`engram dump IMAGE --phys -o DIR` writes physical memory" },
    { " configwriter ", "nothing is configured by a file: say it with options" },
    { " volshell ", "`engram shell IMAGE` is the shell here, in Lua" },
    { " task ", "`engram dt IMAGE task_struct ADDR`; `pslist` has the addresses" },
    { " foreach ", "plugins show all processes; --pid N chooses" },
    { " set ", "--pid N chooses a process; `engram shell IMAGE` keeps variables" },
    { " pte ptov ptob btop ", "`engram vtop IMAGE ADDR` shows each step of a translation" },
    { " list tree ", "`engram shell IMAGE` walks lists and trees: help(\"eg.list\") there" },
    { " wr ", "an image is never written to" },
    { " runq ", NO_PLUGIN "shows run queues; `psxview` has who is on one, `threads` what ran" },
    { " waitq ", NO_PLUGIN "shows this; `engram dt` shows a variable" },
    { " ascii eval ", "`engram shell IMAGE` computes: it is Lua" },
    { " alias repeat extend exit quit ",
      "`engram shell IMAGE` is the session here, in Lua; other commands are one line each" },
};

/** "linux.malware.malfind.Malfind" is "malfind". */
static void stem(const char *name, char *out, size_t size)
{
    static const char *const folders[] = { "linux.",   "linux_",    "malware.",
                                           "tracing.", "graphics.", "kernel_tracing." };
    size_t n;

    for (size_t i = 0; i < countof(folders); i++)
        if (!strncasecmp(name, folders[i], strlen(folders[i])))
            name += strlen(folders[i]);
    n = strcspn(name, ".");
    snprintf(out, size, " %.*s ", (int)EG_MIN(n, (size_t)64), name);
}

const char *cli_elsewhere(const char *name)
{
    static const char *const systems[] = { "windows.", "mac.", "freebsd." };
    char key[80];

    for (size_t i = 0; i < countof(systems); i++)
        if (!strncasecmp(name, systems[i], strlen(systems[i])))
            return "only Linux images are read";
    stem(name, key, sizeof key);
    for (size_t i = 0; key[2] && i < countof(elsewhere); i++)
        if (strcasestr(elsewhere[i].names, key))
            return elsewhere[i].say;
    return NULL;
}

/* ---- near misses ---- */

/** The verb, plugin or topic whose name is nearest; NULL. */
static const char *nearest(const char *name)
{
    EG_VEC(const char *) names = { 0 };
    const struct eg_plugin_reg *p;
    const char **place, *near = NULL;
    const struct cli_topic *t;
    const struct cli_verb *v;

    for (size_t i = 0; (p = eg_plugin_nth(i)); i++) {
        if ((place = eg_vec_push(&names)))
            *place = p->name;
        for (const char *const *a = p->plugin->aliases; a && *a; a++)
            if ((place = eg_vec_push(&names)))
                *place = *a;
    }
    for (size_t i = 0; (v = cli_verb_nth(i)); i++)
        if (v->help && (place = eg_vec_push(&names)))
            *place = v->name;
    for (size_t i = 0; (t = cli_topic_nth(i)); i++)
        if ((place = eg_vec_push(&names)))
            *place = t->name;
    if (eg_vec_push(&names))
        near = eg_nearest(name, names.at);
    eg_vec_fini(&names);
    return near;
}

/* "`lsmod`, `kallsyms`": plugins in whose name or help the word stands. @out: "" where there are
 * none. */
static void speaking_of(const char *word, char *out, size_t size)
{
    enum { SHORTEST = 3, MOST = 3 };
    const struct eg_plugin_reg *p;
    size_t n = 0, found = 0;

    *out = 0;
    for (size_t i = 0; strlen(word) >= SHORTEST && found < MOST && (p = eg_plugin_nth(i)); i++) {
        bool any = strcasestr(p->name, word) || strcasestr(p->plugin->help, word);

        for (const char *const *a = p->plugin->aliases; !any && a && *a; a++)
            any = strcasestr(*a, word);
        if (any && n < size)
            n += (size_t)snprintf(out + n, size - n, "%s`%s`", found++ ? ", " : "", p->name);
    }
}

int cli_unknown_plugin(const char *name)
{
    char about[160];

    const struct cli_verb *v = cli_verb(cli_habit_verb(name));
    const char *say = cli_elsewhere(name), *near = say ? NULL : nearest(name);

    if (v)
        return cli_fail(CLI_USAGE, "%s: this word comes first: engram %s %s", name, v->name,
                        v->usage);
    if (say)
        return cli_fail(CLI_USAGE, "%s: %s", name, say);
    if (near)
        return cli_fail(CLI_USAGE, "%s: no such plugin; did you mean %s?", name, near);
    if (isdigit((unsigned char)*name))
        return cli_fail(CLI_USAGE,
                        "%s: no such plugin; an address is an option's value, as in whatis --at %s",
                        name, name);
    speaking_of(name, about, sizeof about);
    if (*about)
        return cli_fail(CLI_USAGE, "%s: no such plugin; %s may help", name, about);
    return cli_fail(CLI_USAGE, "%s: no such plugin; `engram plugins` lists them", name);
}

int cli_not_its_option(const char *name, const char *option)
{
    const struct eg_plugin_reg *reg = eg_plugin_find(name);

    if (!reg)
        return cli_elsewhere(name) ? cli_unknown_plugin(name) : CLI_OK;
    if (option[1] == '-') // long ones have near misses
        return CLI_OK;
    return cli_fail(CLI_USAGE, "%s: no option of %s: `engram help %s` lists them", option,
                    reg->name, reg->name);
}

/* A word that stands where the image should, and is no file: what was meant? */
int cli_no_such_image(const char *word)
{
    const char *say, *near;

    if (strchr(word, '/') || !access(word, F_OK))
        return CLI_OK;
    say = cli_elsewhere(word);
    near = say ? NULL : nearest(word);
    if (say)
        return cli_fail(CLI_USAGE, "%s: no such file; and as a plugin: %s", word, say);
    if (near)
        return cli_fail(CLI_USAGE, "%s: no such file; did you mean %s?", word, near);
    return CLI_OK;
}
