-- persistence - what makes programs run again: settings of the kernel that start a program, and files of the system that do, where they
-- changed after boot.

-- Files that start programs, load code, or let somebody in: * takes folders too. The first kind that has a path is its kind.
local watched = {
  { "cron", "/etc/crontab", "/etc/anacrontab", "/etc/cron.*/*", "/var/spool/cron/*", "/var/spool/anacron/*" },
  { "at", "/var/spool/cron/atjobs/*", "/var/spool/at/*" },
  { "systemd", "/etc/systemd/*", "/usr/lib/systemd/*", "/lib/systemd/*", "/usr/local/lib/systemd/*", "*/.config/systemd/*",
    "*/.local/share/systemd/*", "/usr/share/systemd/*", "/usr/local/share/systemd/*", "/run/systemd/system/*" },
  { "init", "/etc/rc.local", "/etc/rc.d/*", "/etc/rc?.d/*", "/etc/init.d/*", "/etc/inittab", "/etc/init/*", "/etc/local.d/*", "/etc/runlevels/*",
    "/sbin/init" },
  { "shell", "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh*", "/etc/environment", "/etc/fish/*",
    "/etc/csh*", "*/.bashrc", "*/.bash_profile", "*/.bash_login", "*/.bash_logout", "*/.bash_aliases", "*/.profile", "*/.zshrc", "*/.zshenv",
    "*/.zprofile", "*/.zlogin", "*/.zlogout", "*/.kshrc", "*/.tcshrc", "*/.cshrc", "*/.xprofile", "*/.xinitrc", "*/.xsession",
    "*/.config/fish/*", "*/.config/environment.d/*", "/etc/environment.d/*" },
  { "ssh", "*/.ssh/authorized_keys*", "*/.ssh/rc", "*/.ssh/config", "/etc/ssh/sshrc", "/etc/ssh/ssh_config*",
    "/etc/ssh/sshd_config*" },
  { "udev", "/etc/udev/rules.d/*", "/usr/lib/udev/rules.d/*", "/lib/udev/rules.d/*" },
  { "modules", "/etc/modules", "/etc/modules-load.d/*", "/usr/lib/modules-load.d/*", "/etc/modprobe.d/*", "/usr/lib/modprobe.d/*" },
  { "loader", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/*" },
  { "login", "/etc/pam.d/*", "/etc/pam.conf", "/etc/security/*", "*/security/pam_*.so", "/etc/sudoers", "/etc/sudoers.d/*", "/etc/passwd",
    "/etc/shadow", "/etc/group", "/etc/update-motd.d/*", "/etc/doas.conf", "/etc/nsswitch.conf", "*/libnss_*.so*", "/etc/login.defs" },
  { "desktop", "/etc/xdg/autostart/*", "*/.config/autostart/*", "*/.config/autostart-scripts/*", "*/.config/plasma-workspace/env/*",
    "/etc/X11/Xsession.d/*" },
  { "network", "/etc/network/if-*.d/*", "/etc/NetworkManager/dispatcher.d/*", "/usr/lib/NetworkManager/dispatcher.d/*",
    "/etc/networkd-dispatcher/*", "/etc/dhcp/*hooks.d/*", "/etc/ppp/ip-*", "/etc/hosts" },
  { "package", "/etc/apt/*", "/etc/dpkg/dpkg.cfg*", "/etc/yum*", "/etc/dnf/*", "/usr/lib/python*.pth", "/usr/local/lib/python*.pth",
    "*/site-packages/*.pth", "*/sitecustomize.py", "*/usercustomize.py" },
  { "bus", "/usr/share/dbus-1/*services/*", "/etc/dbus-1/*", "/etc/polkit-1/*", "/usr/share/polkit-1/rules.d/*", "/var/lib/polkit-1/*" },
  { "boot", "/etc/initramfs-tools/*", "/usr/share/initramfs-tools/*", "/etc/dracut*", "/usr/lib/dracut/*", "/etc/kernel/*", "/etc/default/grub*",
    "/etc/grub.d/*", "/boot/grub*.cfg", "/boot/vmlinuz*", "/boot/initrd*", "/boot/initramfs*" },
  { "log", "/etc/logrotate.conf", "/etc/logrotate.d/*", "/etc/rsyslog*", "/etc/audit/*" },
  { "git", "/etc/gitconfig", "*/.gitconfig", "*/.config/git/config" },
  { "program", "/bin/*", "/sbin/*", "/usr/bin/*", "/usr/sbin/*", "/usr/local/bin/*", "/usr/local/sbin/*", "/lib*.so", "/lib*.so.*", "/usr/lib*.so",
    "/usr/lib*.so.*", "/usr/local/lib*.so", "/usr/local/lib*.so.*", "/usr/libexec/*" },
}

-- What all of them are among, for `files --path`, which takes few.
local among = { "/etc/*", "/var/spool/*", "/var/lib/polkit-1/*", "/usr/*", "/lib*", "*/.config/*", "*/.local/share/systemd/*", "*/.bash*",
  "*/.profile", "*/.z*", "*/.*shrc", "*/.x*", "*/.ssh/*", "*/.gitconfig", "/bin/*", "/sbin/*", "*.pth", "*customize.py", "/run/systemd/system/*",
  "/boot/*" }

for _, group in ipairs(watched) do
  for i = 2, #group do
    group[i] = "^" .. group[i]:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%?", "."):gsub("%*", ".*") .. "$"
  end
end

local function kind_of(path)
  for _, group in ipairs(watched) do
    for i = 2, #group do
      if path:find(group[i]) then return group[1] end
    end
  end
end

-- The first bytes of a file, of one page; nil: memory does not have it.
local function first_page(k, inode)
  for offset, size, at in linux.file_cached(inode) do
    return offset == 0 and eg.read(eg.physical(k), at, math.min(size, 4096, eg.value(linux.inode_size(inode), 0))) or nil
  end
end

-- What it says, without blank lines and comments.
local function text_of(text)
  if not text or text == "" then return nil end
  if text:sub(1, 4) == "\127ELF" then return "a program" end
  local lines, n = {}, 0
  for line in text:gmatch("[^\n]+") do
    if line:find("%S") and not line:find("^%s*#[^!]") and not line:find("^%s*#$") and n < 200 then
      lines[#lines + 1] = line
      n = n + #line
    end
  end
  local all = table.concat(lines, "; ")
  return #all > 200 and all:sub(1, 200) .. "..." or all
end

-- Of /etc/passwd: who else has root's number.
local function like_root(text)
  local names = {}
  for line in (text or ""):gmatch("[^\n]+") do
    local name = line:match("^([^:]*):[^:]*:0+:")
    if name and name ~= "root" then names[#names + 1] = name end
  end
  return #names > 0 and "has root's number: " .. table.concat(names, ", ") or nil
end

local S_IMMUTABLE = 8 -- include/linux/fs.h

-- File systems that are made when they are mounted: what is in them is always younger than boot.
local in_memory = { rootfs = true, ramfs = true, tmpfs = true }

local function files(k, args, row)
  local boot, new = linux.boot_time(), {}
  local ok, rows = pcall(eg.rows, "files", { path = among, type = "REG" })
  local told, clocks = pcall(eg.rows, "boottime")
  local clock = told and clocks[1]
  -- A later time than the image's is one of a machine whose clock was right.
  local taken = clock and math.type(clock.CAPTURE_TIME) == "integer" and clock.CAPTURE_TIME or math.maxinteger
  if math.type(boot) ~= "integer" then
    eg.note("when the machine was booted cannot be read: files are not held against it")
    return
  end
  if not ok then eg.note("files are not looked at: " .. tostring(rows)) end
  for _, f in ipairs(ok and rows or {}) do
    local path, mtime, ctime = f.PATH, f.MTIME, f.CTIME
    local kind = type(path) == "string" and kind_of(path)
    local hints = {}
    local function after(time) return math.type(time) == "integer" and time > boot and time <= taken end
    local inode = kind and eg.object(k, "inode", f.INODE_ADDRESS)
    local text = kind and kind ~= "program" and first_page(k, inode)
    if kind and path:find("^/run/") then
      hints = {} -- made by generators at each boot
    elseif kind and after(mtime) then
      hints[1] = "changed after boot"
    elseif kind and after(ctime) and not in_memory[linux.superblock_type(eg.object(k, "super_block", f.SUPERBLOCK))] then
      hints[1] = "put there, or its time set back, after boot"
    end
    if hints[1] and type(f.FILE_MODE) == "string" and f.FILE_MODE:find("^%-..s") then hints[2] = "gives its owner's rights" end
    if kind and eg.has(inode, "i_flags") and eg.value(inode.i_flags, 0) & S_IMMUTABLE ~= 0 then hints[#hints + 1] = "immutable: nobody can change or remove it" end
    if path == "/etc/passwd" then hints[#hints + 1] = like_root(text) end
    if kind and (#hints > 0 or args.all) then
      new[#new + 1] = { KIND = kind, PATH = path, VALUE = kind ~= "program" and text_of(text) or nil, MTIME = mtime, CTIME = ctime,
        HINTS = #hints > 0 and table.concat(hints, "; ") or nil }
    end
  end
  table.sort(new, function(a, b)
    if a.KIND ~= b.KIND then return a.KIND < b.KIND end
    return a.PATH < b.PATH
  end)
  for _, r in ipairs(new) do row(r) end
end

-- ---- the kernel's own ----

-- Who takes the memory of programs that crashed, on the distributions that have one.
local crash_handlers = { "^|/usr/lib/systemd/systemd%-coredump ", "^|/lib/systemd/systemd%-coredump ",
  "^|/usr/share/apport/apport ", "^|/usr/libexec/abrt%-hook%-ccpp ", "^|/usr/lib/abrt%-hook%-ccpp ", "^|/bin/false$",
  "^|/usr/bin/false$", "^|/usr/lib/drkonqi%-coredump", "^|/usr/share/kdump", "^|/wsl%-capture%-crash ",
  "^|/usr/lib/snapd/snap%-core%-dump" }

local function core_pattern(text)
  if text:sub(1, 1) ~= "|" then return nil end
  for _, known in ipairs(crash_handlers) do
    if text:find(known) then return nil end
  end
  return "a program is run for every crash, and none that is known"
end

local function is_one_of(...)
  local wanted = { ... }
  return function(text)
    for _, w in ipairs(wanted) do
      if text == w then return nil end
    end
    return "another program than the kernel's own setting"
  end
end

-- Arrays of characters that name a program which the kernel starts as root: fs/coredump.c, kernel/module/kmod.c, lib/kobject_uevent.c,
-- kernel/reboot.c; Linux 5.10 to 7.2. The last is sysctl's name.
local settings = {
  { "core_pattern", 128, "core", core_pattern, "kernel.core_pattern" },
  { "modprobe_path", 256, "/sbin/modprobe", is_one_of("/sbin/modprobe", "/usr/sbin/modprobe", "/usr/bin/modprobe", "/bin/modprobe", ""),
    "kernel.modprobe" },
  { "uevent_helper", 256, "", is_one_of("", "/sbin/hotplug", "/sbin/mdev"), "kernel.hotplug" },
  { "poweroff_cmd", 256, "/sbin/poweroff", is_one_of("/sbin/poweroff", "/usr/sbin/poweroff"), "kernel.poweroff_cmd" },
}

-- Where a kernel names functions only, sysctl's tables lead to its variables.
local function by_sysctl(key)
  local ok, rows = pcall(eg.rows, "sysctl")
  for _, r in ipairs(ok and rows or {}) do
    if r.KEY == key and type(r.VALUE) == "string" then return r.VALUE end
  end
end

local function kernel_settings(k, row)
  local named = false
  for _, s in ipairs(settings) do named = named or eg.lookup(k, s[1]) ~= nil end
  for _, s in ipairs(settings) do
    local at = eg.lookup(k, s[1])
    local text
    if at then text = eg.cstring(k, at, s[2]) elseif not named then text = by_sysctl(s[5]) end
    if text then
      local hint = s[4](text)
      row { KIND = "kernel", NAME = s[1], VALUE = text, EXPECTED = hint and s[3] or nil, HINTS = hint }
    elseif at then
      eg.note(s[1] .. " cannot be read")
    end
  end
end

-- The program that the kernel starts when the last process of a control group is gone, in hierarchies of version 1
-- (kernel/cgroup/cgroup-v1.c).
local function release_agents(k, row)
  if not eg.lookup(k, "cgroup_roots") or not eg.has_type("cgroup_root") or not eg.has("cgroup_root", "release_agent_path") then return end
  for root in eg.list(eg.symbol(k, "cgroup_roots", "list_head"), "cgroup_root", "root_list") do
    local agent = eg.string(root.release_agent_path, 4096)
    if type(agent) == "string" and agent ~= "" then
      local known = agent:find("^/usr/lib/systemd/systemd%-cgroups%-agent$") or agent:find("^/lib/systemd/systemd%-cgroups%-agent$")
        or agent:find("^/lib/rc/sh/cgroup%-release%-agent%.sh$") or agent:find("^/run/cgmanager/agents/") or agent:find("^/etc/slurm")
      row { KIND = "kernel", NAME = "release_agent", VALUE = agent, HINTS = not known and "another program than those of systemd, OpenRC and Slurm" or nil }
    end
  end
end

-- ---- interpreters: fs/binfmt_misc.c, whose structure has the name Node up to Linux 7.2 ----

-- ELF's header of this machine's own programs, up to e_machine (include/uapi/linux/elf-em.h).
local machines = { x86_64 = 62, aarch64 = 183, riscv64 = 243 }

local function own_header(k)
  local ok, name = pcall(function() return eg.string(eg.symbol(k, "init_uts_ns", "uts_namespace").name.machine) end)
  local machine = ok and machines[name]
  return machine and "\127ELF\2\1\1" .. ("\0"):rep(9) .. "\2\0" .. string.char(machine, 0)
end

-- Would a file that begins with these bytes be taken? What is behind them is as the entry wants it.
local function takes(entry, bytes)
  for i = 1, #entry.magic do
    local at = entry.offset + i
    local mask = entry.mask and entry.mask:byte(i) or 255
    if at <= #bytes and (bytes:byte(at) ~ entry.magic:byte(i)) & mask ~= 0 then return false end
  end
  return entry.offset < #bytes
end

local function folder_of_all(path)
  return path:find("^/tmp/") or path:find("^/var/tmp/") or path:find("^/dev/") or path:find("^/run/user/") or path:find("/%.") or path:find("^/home/")
end

local MAGIC = 1 -- a number of a bit; of the others the letters by which they are asked for
local letters = { { "P", 31 }, { "O", 30 }, { "C", 29 }, { "F", 28 } }

local function entry_of(k, node)
  local flags = eg.value(node.flags, 0)
  local size, offset = eg.value(node.size, 0), eg.value(node.offset, 0)
  local e = { interpreter = eg.string(node.interpreter, 4096), letters = "", offset = offset }
  for _, l in ipairs(letters) do
    if flags >> l[2] & 1 == 1 then e.letters = e.letters .. l[1] end
  end
  if flags >> MAGIC & 1 == 0 then
    e.extension = eg.string(node.magic, 256)
  elseif size > 0 and size <= 256 and offset >= 0 then
    e.magic = eg.read(k, eg.value(eg.address(node.magic), 0), size)
    local mask = eg.value(eg.address(node.mask), 0)
    e.mask = mask ~= 0 and eg.read(k, mask, size) or nil
  end
  return e
end

local function interpreter(k, name, node, row)
  local e, hints = entry_of(k, node), {}
  local says = e.letters ~= "" and "flags " .. e.letters or nil
  local function say(text) says = says and says .. "; " .. text or text end
  if type(e.extension) == "string" then
    say("files that end in ." .. e.extension)
  elseif e.magic then
    local own = own_header(k)
    say(("files with %s at %d"):format(e.magic:gsub(".", function(c) return ("%02x"):format(c:byte()) end), e.offset))
    if own and takes(e, own) then hints[#hints + 1] = "takes programs that the machine runs by itself" end
    if takes(e, "#!/") then hints[#hints + 1] = "takes scripts" end
  end
  if type(e.interpreter) == "string" and folder_of_all(e.interpreter) then hints[#hints + 1] = "the interpreter is where it does not belong" end
  row { KIND = "binfmt_misc", NAME = name, PATH = e.interpreter, VALUE = says, HINTS = #hints > 0 and table.concat(hints, "; ") or nil }
end

local function binfmt_misc(k, row)
  for sb in linux.superblocks(k) do
    if linux.superblock_type(sb) == "binfmt_misc" then
      for d in linux.dentries(sb) do
        local name = linux.dentry_path(d)
        if type(name) == "string" and name ~= "/" and name ~= "/register" and name ~= "/status" and eg.value(eg.address(d.d_inode), 0) ~= 0 then
          local node = linux.binfmt_misc_entry(eg.deref(d.d_inode))
          if eg.ok(node) then
            interpreter(k, name:sub(2), node, row)
          else
            row { KIND = "binfmt_misc", NAME = name:sub(2), VALUE = "the image has no types of the module binfmt_misc, which know more" }
          end
        end
      end
    end
  end
end

-- Programs that the kernel started itself: children of one of its threads (kernel/umh.c).
local function helpers(k, row)
  for t in linux.tasks(k) do
    local parent = t.real_parent
    if not linux.is_kthread(t) and eg.ok(parent) and linux.is_kthread(parent) and t.pid ~= 1 and eg.value(eg.address(t.mm), 0) ~= 0 then
      row { KIND = "helper", NAME = t.comm, PATH = linux.exe(t), VALUE = eg.value(linux.args(t), ""):gsub("%z+$", ""):gsub("%z", " "),
        HINTS = "a program that the kernel started runs on" }
    end
  end
end

return plugin {
  name = "persistence",
  os = "linux",
  help = "List what starts programs again: settings of the kernel, files changed after boot",
  manual = "Settings that name a program which the kernel starts as root (core_pattern, modprobe, hotplug, poweroff, release agents), "
    .. "entries of binfmt_misc with what they take, programs that the kernel started and that run on; then files that start programs, "
    .. "load code or let somebody in (cron, at, systemd, init, profiles, authorized_keys, udev, modules, ld.so, PAM, sudo, autostart, "
    .. "D-Bus, package managers, initramfs, programs and libraries themselves), where their contents or their inode changed after boot, "
    .. "or that nobody can change; --all shows all of them that memory has. Only files whose inode is in memory are seen: what "
    .. "was not used lately is on the disk only. A change that was made before the last boot is not told from an installation. A time "
    .. "that was set back shows by the inode's own, unless the disk was written to directly. VALUE has of a file its first page "
    .. "without comments, where memory has it; `recover --path` writes it.",
  looks_for = { "persistence" },
  columns = {
    { "KIND", "text", "kernel, binfmt_misc, helper; of a file what it is for: cron, systemd, shell, ssh, ..." },
    { "NAME", "text", "the setting, entry or process" },
    { "PATH", "text", "the file; of an entry of binfmt_misc the interpreter" },
    { "VALUE", "text", "what it says, or takes", "list" },
    { "EXPECTED", "text", "what a kernel has by itself" },
    { "MTIME", "time", "last change of its bytes" },
    { "CTIME", "time", "last change of its inode" },
    { "HINTS", "text", "what is odd" },
  },
  args = { { "all", "flag", "also files that are older than the boot" } },
  uses = { "tasks", "is_kthread", "binfmt_misc_entry" },
  run = function(k, args, row)
    kernel_settings(k, row)
    for _, part in ipairs { { release_agents, "release agents of control groups" }, { binfmt_misc, "entries of binfmt_misc" } } do
      local ok, why = pcall(part[1], k, row)
      if not ok then eg.note(part[2] .. " are not looked for: " .. tostring(why)) end
    end
    helpers(k, row)
    files(k, args, row)
  end,
}
