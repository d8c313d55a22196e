# SPDX-License-Identifier: Apache-2.0
"""An httpd that a test owns: its server root, ports, configuration, life."""
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from . import env
from .client import Client
from .errorlog import ErrorLog

# Passwords of the accounts that every server has.
USERS = {"admin": "admin-pass", "alice": "alice-pass", "bob": "bob-pass",
         "carol": "carol-pass", "dave": "dave-pass"}

_users_file = None
_port_lock = open("/tmp/mls-ports-%d.lock" % os.geteuid(), "w",
                  encoding="ascii")


def free_ports(count):
    """Ports that nobody listens on now. A lock keeps parallel runs apart: the
    numbers handed out go round, so that a port is not given twice soon."""
    with contextlib.ExitStack() as stack:
        fcntl.flock(_port_lock, fcntl.LOCK_EX)
        try:
            name = _port_lock.name + ".next"
            start = int(pathlib.Path(name).read_text()) \
                if os.path.exists(name) else 20000
            ports = []
            while len(ports) < count:
                start = start + 1 if start < 30000 else 20000
                sock = stack.enter_context(socket.socket())
                try:
                    sock.bind(("127.0.0.1", start))
                    ports.append(start)
                except OSError:
                    pass
            pathlib.Path(name).write_text(str(start))
            return ports
        finally:
            fcntl.flock(_port_lock, fcntl.LOCK_UN)


def users_file_text():
    """htpasswd lines for USERS, made once."""
    global _users_file
    if _users_file is None:
        _users_file = "".join(
            subprocess.run(["htpasswd", "-nbB", "-C", "4", name, password],
                           check=True, capture_output=True,
                           text=True).stdout.strip() + "\n"
            for name, password in USERS.items())
    return _users_file


def wait_until(condition, seconds=30, what="it"):
    """Ask until the answer is true; returns it."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError("%s did not happen within %g s"
                                 % (what, seconds))
        time.sleep(0.02)


def process_alive(pid):
    """Is there such a process, and is it not just waiting to be reaped?"""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii",
                  errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid):
    """Process ids of the direct children."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, encoding="ascii",
                      errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] not in "ZX":
                found.append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return sorted(found)


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Httpd:
    """One server root. Write the configuration, start, ask, stop.

    config: a function of the Httpd that returns the part of the configuration
    below the general one; default_config when None.
    """

    def __init__(self, mpm=None, config=None, ports=1, modules=(),
                 mpm_config="", lean=False):
        self.mpm = mpm or env.MPM
        self.root = env.temporary_directory()
        self.state = self.root / "state"
        self.run = self.root / "run"
        self.ports = free_ports(ports)
        self.port = self.ports[0]
        self.extra_modules = tuple(modules)
        self.mpm_config = mpm_config
        self.lean = lean
        self.process = None
        self.clients = []
        self.starts = []  # where the log tells of a start: (from, to)
        self.error_log = ErrorLog(self.root / "logs" / "error.log")
        self.conf = self.root / "httpd.conf"
        self.users = self.root / "users"
        (self.root / "logs").mkdir()
        (self.root / "docs").mkdir()
        self.users.write_text(users_file_text(), encoding="ascii")
        self.config = config or default_config
        self._own_files()
        self.write()

    def _own_files(self):
        """Accounts and directories belong to whom trap 1 names: root writes
        the accounts, httpd's group reads them."""
        if env.SEPARATE:
            env.make_users()
            shutil.chown(self.users, "root", env.group_of(env.httpd_user()))
            self.users.chmod(0o640)
        elif env.one_user():
            for path in (self.root, self.root / "logs", self.root / "docs",
                         self.users):
                shutil.chown(path, env.one_user(),
                             env.group_of(env.one_user()))

    # --- configuration ---

    def _module_lines(self):
        builtin = subprocess.run([env.HTTPD, "-l"], capture_output=True,
                                 text=True, check=True).stdout
        names = ["mpm_" + self.mpm, "unixd", "authn_core", "authn_file",
                 "authz_core", "authz_user"]
        if not self.lean:
            names += ["log_config", "auth_basic", "deflate", "filter",
                      "headers", "alias", "dir", "mime", "env"]
            if self.mpm != "prefork":
                names.append("http2")
        lines = []
        for name in names + list(self.extra_modules):
            path = os.path.join(env.MODULES, "mod_%s.so" % name)
            own = env.programs() / "modules" / ("mod_%s.so" % name)
            if "mod_%s.c" % name in builtin or name + ".c" in builtin.split():
                continue
            if own.exists():
                path = own
            lines.append("LoadModule %s_module %s" % (name, path))
        lines.append("LoadModule mlserver_module %s"
                     % (env.programs() / "modules" / "mod_mlserver.so"))
        return "\n".join(lines)

    def _mpm_lines(self):
        if self.mpm_config:
            return self.mpm_config
        if self.mpm == "prefork":
            return ("StartServers 3\nMinSpareServers 2\nMaxSpareServers 24\n"
                    "MaxRequestWorkers 100\n")
        return ("StartServers 2\nServerLimit 4\nThreadsPerChild 16\n"
                "ThreadLimit 16\nMaxRequestWorkers 64\n"
                "MinSpareThreads 16\nMaxSpareThreads 64\n")

    def general_config(self):
        """What every server of the tests needs, without our directives."""
        text = self._module_lines() + "\n"
        if env.SEPARATE:
            text += "User %s\nGroup %s\n" % (
                env.httpd_user(), env.group_of(env.httpd_user()))
        text += "".join("Listen 127.0.0.1:%d\n" % port for port in self.ports)
        text += """
ServerName localhost
PidFile {root}/httpd.pid
DefaultRuntimeDir {root}
<IfModule mime_module>
    TypesConfig /dev/null
</IfModule>
<IfModule mime_module>
    TypesConfig /dev/null
</IfModule>
ErrorLog {root}/logs/error.log
LogLevel info mlserver:debug
DocumentRoot {root}/docs
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
Timeout 30
GracefulShutdownTimeout 10
<Directory />
    AllowOverride None
    Require all denied
</Directory>
""".format(root=self.root)
        if os.environ.get("MLS_TEST_CORES"):
            text += "CoreDumpDirectory %s\n" % os.environ["MLS_TEST_CORES"]
        if not self.lean:
            text += 'CustomLog %s/logs/access.log "%%h %%u \\"%%r\\" %%>s %%b"\n' \
                % self.root
            if self.mpm != "prefork":
                text += "Protocols h2c http/1.1\n"
        return text + self._mpm_lines()

    def write(self, config=None):
        """Write httpd.conf; with `config`, from now on with that part."""
        if config:
            self.config = config
        self.conf.write_text(self.general_config() + self.config(self),
                             encoding="utf-8")

    # --- life ---

    def _command(self, *words):
        command = [env.HTTPD, "-d", str(self.root), "-f", str(self.conf)]
        if env.one_user():
            command = env.setpriv(env.one_user()) + command
        return command + list(words)

    def _environment(self):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}
        if "address" in env.SAN:
            library = subprocess.run(
                ["gcc", "-print-file-name=libasan.so"], capture_output=True,
                text=True, check=True).stdout.strip()
            environment["LD_PRELOAD"] = library
            # httpd's pools look like leaks at exit; the rest is wanted.
            environment["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0"
            environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
        return environment

    def configtest(self, text=None):
        """Run httpd -t; returns (good, what it said). `text` replaces our
        part of the configuration for this call only."""
        if text is not None:
            self.conf.write_text(self.general_config() + text,
                                 encoding="utf-8")
        done = subprocess.run(self._command("-t"), capture_output=True,
                              text=True, env=self._environment(), timeout=60)
        if text is not None:
            self.write()
        return done.returncode == 0, done.stdout + done.stderr

    def start(self, wait=True):
        self.process = subprocess.Popen(
            self._command("-DFOREGROUND"), env=self._environment(), cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=open(self.root / "logs" / "stdout", "ab"),
            stderr=subprocess.STDOUT, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError("httpd ended at start:\n" + self.tail())
        client = Client(self.url())
        try:
            return client.get("/readyz", timeout=5).status_code == 200
        except OSError:
            return False
        finally:
            client.close()

    def wait_ready(self, seconds=60):
        began = self.error_log.mark()
        try:
            wait_until(self._answers, seconds, "httpd's readiness")
            self.starts.append((began, self.error_log.mark()))
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, self.tail())) from None

    def tail(self, lines=30):
        """The last lines of what was logged, for a failure's message."""
        return "\n".join(self.error_log.lines()[-lines:] + (
            self.root / "logs" / "stdout").read_text(
                errors="replace").splitlines()[-lines:])

    def graceful(self):
        os.kill(self.process.pid, signal.SIGUSR1)

    def restart(self):
        self.stop()
        return self.start()

    def stop(self):
        """Stop in order; fails when httpd or mlserverd does not go."""
        if self.process is None:
            return
        daemon = self.mlserverd()
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("httpd did not stop:\n" + self.tail()) \
                from None
        self.process = None
        if daemon:
            wait_until(lambda: not process_alive(daemon), 30,
                       "the end of mlserverd")

    def kill(self):
        """End everything at once, for clean-up after a failure."""
        if self.process is None:
            return
        family = [self.process.pid]
        for pid in family:
            family += children_of(pid)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def remove(self):
        """Stop and forget everything; for the end of a fixture."""
        try:
            self.stop()
        finally:
            self.kill()
            if not os.environ.get("MLS_TEST_KEEP"):
                shutil.rmtree(self.root, ignore_errors=True)

    def remove_log_checked(self, allowed=()):
        """remove(), failing when the log holds what nobody expected."""
        lines = []
        try:
            self.stop()
            lines = self.unexpected(allowed)
        finally:
            self.remove()
        assert lines == [], "\n".join(lines)

    def unexpected(self, allowed=()):
        """What the log holds that nobody expected. While the server starts,
        our asking whether it is ready is answered no."""
        lines, since = [], 0
        for began, ready in self.starts:
            lines += self.error_log.unexpected(since, allowed, until=began)
            lines += self.error_log.unexpected(
                began, list(allowed) + ["reason=not ready"], until=ready)
            since = ready
        return lines + self.error_log.unexpected(since, allowed)

    # --- processes ---

    def children(self):
        """httpd's worker children."""
        return [pid for pid in children_of(self.process.pid)
                if "mlserverd" not in command_of(pid)]

    def mlserverd(self, run=None):
        """Process id of the mlserverd of a run directory, or None."""
        try:
            pid = int(((run or self.run) / "mlserverd.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if process_alive(pid) else None

    def daemon_children(self):
        """Process ids of the registry owner and the supervisor, by name."""
        found = {}
        names = {"mls-owner": "registry", "mls-supervisor": "supervisor"}
        for pid in children_of(self.mlserverd()):
            try:
                with open("/proc/%d/comm" % pid, encoding="ascii") as file:
                    comm = file.read().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if comm in names:
                found[names[comm]] = pid
        return found

    # --- asking ---

    def url(self, port=None, mount=""):
        return "http://127.0.0.1:%d%s" % (port or self.port, mount)

    def client(self, user=None, port=None, mount=""):
        """A client, logged in when a user is named."""
        client = Client(self.url(port, mount))
        self.clients.append(client)
        if user:
            client.login(user, USERS[user])
        return client


def location(httpd, mount="/", extra=""):
    """A <Location> with the module in it, accounts from the users file."""
    return """
<Location "{mount}">
    MLServer On
    MLServerAuthProvider file
    AuthUserFile {users}
{extra}
</Location>
""".format(mount=mount, users=httpd.users, extra=extra)


def server_lines(httpd, state=None, run=None):
    """The directives of one state: where it is, who serves it."""
    return """
MLServerStateDir {state}
MLServerRunDir {run}
MLServerDaemon {programs}/bin/mlserverd
MLServerSandbox {sandbox}
MLServerReserve 1M
""".format(state=state or httpd.state, run=run or httpd.run,
           programs=env.programs(), sandbox=sandbox())


_sandbox = None


def sandbox():
    """required where namespaces are allowed, else reduced."""
    global _sandbox
    if _sandbox is None:
        command = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind",
                   "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
        if env.SEPARATE:
            env.make_users()
            command = env.setpriv("mlserver-worker") + command
        elif env.one_user():
            command = env.setpriv(env.one_user()) + command
        _sandbox = "required" if subprocess.run(
            command, capture_output=True, cwd="/").returncode == 0 \
            else "reduced"
    return _sandbox


def default_config(httpd):
    return server_lines(httpd) + location(httpd)
