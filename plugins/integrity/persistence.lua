-- persistence - what makes programs run again: settings of the kernel that start a program, and files of the system that do, where they
-- changed after boot.

-- Files that start programs, load code, or let somebody in: * takes folders too.
local watched = {
  { "cron", "/etc/crontab", "/etc/anacrontab", "/etc/cron.*/*", "/var/spool/cron/*" },
  { "at", "/var/spool/cron/atjobs/*", "/var/spool/at/*" },
  { "systemd", "/etc/systemd/*", "/usr/lib/systemd/system/*", "/lib/systemd/system/*", "/usr/local/lib/systemd/*",
    "/home/*/.config/systemd/*", "/root/.config/systemd/*", "/usr/lib/systemd/user/*", "/run/systemd/system/*" },
  { "init", "/etc/rc.local", "/etc/rc.d/*", "/etc/init.d/*", "/etc/inittab", "/etc/init/*", "/sbin/init", "/etc/local.d/*" },
  { "shell", "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/*", "/etc/environment",
    "*/.bashrc", "*/.bash_profile", "*/.bash_login", "*/.bash_logout", "*/.profile", "*/.zshrc", "*/.zshenv", "*/.xprofile" },
  { "ssh", "*/.ssh/authorized_keys*", "*/.ssh/rc", "/etc/ssh/sshrc", "/etc/ssh/sshd_config*" },
  { "udev", "/etc/udev/rules.d/*", "/usr/lib/udev/rules.d/*", "/lib/udev/rules.d/*" },
  { "modules", "/etc/modules", "/etc/modules-load.d/*", "/usr/lib/modules-load.d/*", "/etc/modprobe.d/*", "/usr/lib/modprobe.d/*" },
  { "loader", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/*" },
  { "login", "/etc/pam.d/*", "/etc/sudoers", "/etc/sudoers.d/*", "/etc/passwd", "/etc/shadow", "/etc/update-motd.d/*",
    "/etc/doas.conf" },
  { "desktop", "/etc/xdg/autostart/*", "/home/*/.config/autostart/*", "/root/.config/autostart/*" },
  { "network", "/etc/network/if-*.d/*", "/etc/NetworkManager/dispatcher.d/*", "/etc/dhcp/*hooks.d/*" },
  { "package", "/etc/apt/apt.conf.d/*", "/usr/lib/python3/dist-packages/*.pth", "/usr/local/lib/python3*/*.pth",
    "*/site-packages/*.pth" },
}

-- What all of them are among, for `files --path`, which takes few.
local among = { "/etc/*", "/var/spool/*", "/usr/lib/systemd/*", "/lib/systemd/*", "/usr/local/lib/*", "*/.config/*", "/usr/lib/udev/*",
  "/lib/udev/*", "/usr/lib/mod*", "*/.bash*", "*/.profile", "*/.zsh*", "*/.xprofile", "*/.ssh/*", "/sbin/init", "*.pth",
  "/run/systemd/system/*" }

for _, group in ipairs(watched) do
  for i = 2, #group do
    group[i] = "^" .. group[i]:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
  end
end

local function kind_of(path)
  for _, group in ipairs(watched) do
    for i = 2, #group do
      if path:find(group[i]) then return group[1] end
    end
  end
end

-- What a file says in its first page, without blank lines and comments; nil: memory does not have it.
local function text_of(k, inode)
  local text
  for offset, size, at in linux.file_cached(inode) do
    if offset == 0 then text = eg.read(eg.physical(k), at, math.min(size, 4096, eg.value(linux.inode_size(inode), 0))) end
    break
  end
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
    local hint
    local function after(time) return math.type(time) == "integer" and time > boot and time <= taken end
    if kind and path:find("^/run/") then
      hint = nil -- made by generators at each boot
    elseif kind and after(mtime) then
      hint = "changed after boot"
    elseif kind and after(ctime) and not in_memory[linux.superblock_type(eg.object(k, "super_block", f.SUPERBLOCK))] then
      hint = "put there, or its time set back, after boot"
    end
    if kind and (hint or args.all) then
      new[#new + 1] = { KIND = kind, PATH = path, VALUE = text_of(k, eg.object(k, "inode", f.INODE_ADDRESS)), MTIME = mtime,
        CTIME = ctime, HINTS = hint }
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
  local named = eg.lookup(k, settings[1][1])
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

-- Interpreters that binfmt_misc starts by the first bytes, or the end of the name, of a file: struct Node, whose inode has it as
-- i_private (fs/binfmt_misc.c; it became struct binfmt_misc_entry nowhere up to 7.2).
local function binfmt_misc(k, row)
  for sb in linux.superblocks(k) do
    if linux.superblock_type(sb) == "binfmt_misc" then
      for d in linux.dentries(sb) do
        local name = linux.dentry_path(d)
        if type(name) == "string" and name ~= "/" and name ~= "/register" and name ~= "/status" and eg.value(eg.address(d.d_inode), 0) ~= 0 then
          local node = d.d_inode.i_private
          local interpreter = eg.has_type("Node") and eg.has("Node", "interpreter") and eg.value(eg.address(node), 0) ~= 0
            and eg.string(eg.object(k, "Node", node).interpreter, 256) or nil
          row { KIND = "binfmt_misc", NAME = name:sub(2), VALUE = interpreter }
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
  manual = "Settings that name a program which the kernel starts as root (core_pattern, modprobe, hotplug, poweroff), entries of "
    .. "binfmt_misc, programs that the kernel started and that run on; then files that start programs, load code or let somebody in "
    .. "(cron, at, systemd, init, profiles, authorized_keys, udev, modules, ld.so, PAM, sudo, autostart), where their contents or "
    .. "their inode changed after boot; --all shows all of them that memory has. Only files whose inode is in memory are seen: what "
    .. "was not used lately is on the disk only. A change that was made before the last boot is not told from an installation. A time "
    .. "that was set back shows by the inode's own, unless the disk was written to directly. VALUE has of a file its first page "
    .. "without comments, where memory has it; `recover --path` writes it.",
  looks_for = { "persistence" },
  columns = {
    { "KIND", "text", "kernel, binfmt_misc, helper; of a file what it is for: cron, systemd, shell, ssh, ..." },
    { "NAME", "text", "the setting, entry or process" },
    { "PATH", "text", "the file" },
    { "VALUE", "text", "what it says", "list" },
    { "EXPECTED", "text", "what a kernel has by itself" },
    { "MTIME", "time", "last change of its bytes" },
    { "CTIME", "time", "last change of its inode" },
    { "HINTS", "text", "what is odd" },
  },
  args = { { "all", "flag", "also files that are older than the boot" } },
  uses = { "tasks", "is_kthread" },
  run = function(k, args, row)
    kernel_settings(k, row)
    local ok, why = pcall(binfmt_misc, k, row)
    if not ok then eg.note("entries of binfmt_misc are not looked for: " .. tostring(why)) end
    helpers(k, row)
    files(k, args, row)
  end,
}
