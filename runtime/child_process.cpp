// SPDX-License-Identifier: Apache-2.0
#include "runtime/child_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace slotway::runtime {
namespace {

constexpr std::size_t kLineMaxBytes = 64 * 1024;
// A grandchild may keep the pipes open for ever: the end is told without the rest then.
constexpr std::uint64_t kLastOutputMs = 200;

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int Get() const { return number_; }
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

struct Pipe {
  Descriptor read_end, write_end;
};

Result<Pipe> OpenPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(std::string("pipe: ") + std::strerror(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  return pointers;
}

// Everything the child needs between fork and exec, where memory must not be allocated.
struct Launch {
  char* const* arguments;
  char* const* environment;
  const char* directory;  // nullptr: stay
  int output, error, failure;
  pid_t parent;
  bool dies_with_parent, has_own_group;
};

[[noreturn]] void FailInChild(const Launch& launch) {
  int reason = errno;
  [[maybe_unused]] ssize_t written = write(launch.failure, &reason, sizeof reason);
  _exit(127);
}

// In the child. Async-signal-safe calls only.
[[noreturn]] void RunInChild(const Launch& launch) {
  if (launch.dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launch.parent) _exit(127);  // it died before we asked
  }
  if (launch.has_own_group) setpgid(0, 0);
  // Ignored and blocked signals would be inherited.
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(launch.output, STDOUT_FILENO) < 0 ||
      dup2(launch.error, STDERR_FILENO) < 0) {
    FailInChild(launch);
  }
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  if (launch.directory && chdir(launch.directory) != 0) FailInChild(launch);
  execvpe(launch.arguments[0], launch.arguments, launch.environment);
  FailInChild(launch);
}

// Signals stay blocked across the fork: a handler of ours must not run in the child.
pid_t ForkAndRun(const Launch& launch) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  if (pid == 0) RunInChild(launch);
  int reason = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = reason;
  return pid;
}

// 0 when exec went well (the pipe closed without a word), else errno.
int ReadFailure(int descriptor) {
  int reason = 0;
  ssize_t size = 0;
  do {
    size = read(descriptor, &reason, sizeof reason);
  } while (size < 0 && errno == EINTR);
  return size == static_cast<ssize_t>(sizeof reason) ? reason : 0;
}

}  // namespace

// One end of output: cut into lines. Freed in its close callback.
struct OutputPipe {
  uv_pipe_t handle{};
  ChildStream stream{};
  std::function<void(ChildStream, std::string_view)> on_line;
  std::function<void()> on_end;
  std::string partial;
  char buffer[16 * 1024];

  void Take(std::string_view bytes) {
    while (!bytes.empty() && on_line) {
      std::size_t newline = bytes.find('\n');
      std::size_t room = kLineMaxBytes - partial.size();
      std::size_t take = std::min({newline, room, bytes.size()});
      partial.append(bytes.substr(0, take));
      bool is_complete = newline != std::string_view::npos && take == newline;
      bytes.remove_prefix(take + (is_complete ? 1 : 0));
      if (is_complete || partial.size() == kLineMaxBytes) EmitPartial();
    }
  }

  void EmitPartial() {
    std::string line = std::exchange(partial, {});
    auto tell = on_line;  // the callback may destroy the child, and with it on_line
    if (tell) tell(stream, line);
  }

  void End() {
    if (!partial.empty()) EmitPartial();
    if (auto tell = std::exchange(on_end, nullptr)) tell();
  }

  void Close() {
    on_line = nullptr;
    on_end = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* closed) { delete static_cast<OutputPipe*>(closed->data); });
  }
};

struct ChildProcess::State {
  explicit State(EventLoop& owner) : loop(owner), grace(owner), last_output(owner) {}

  ~State() {
    if (pid > 0 && !is_reaped) {
      kill(pid, SIGKILL);
      while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    for (OutputPipe* pipe : pipes) pipe->Close();
    if (watcher) {
      uv_signal_stop(watcher);
      uv_close(reinterpret_cast<uv_handle_t*>(watcher),
               [](uv_handle_t* closed) { delete reinterpret_cast<uv_signal_t*>(closed); });
    }
  }

  // libuv has one SIGCHLD for all; each watcher asks for its own child only.
  void Watch() {
    watcher = new uv_signal_t;
    uv_signal_init(loop.Uv(), watcher);
    watcher->data = this;
    uv_signal_start(
        watcher, [](uv_signal_t* signal, int) { static_cast<State*>(signal->data)->Reap(); },
        SIGCHLD);
  }

  void Reap() {
    int status = 0;
    if (is_reaped || waitpid(pid, &status, WNOHANG) != pid) return;
    is_reaped = true;
    grace.Stop();
    uv_signal_stop(watcher);
    exit.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (open_pipes == 0) return TellExit();
    last_output.Start(kLastOutputMs, 0, [this] { TellExit(); });
  }

  void PipeEnded() {
    --open_pipes;
    if (is_reaped && open_pipes == 0) TellExit();
  }

  void TellExit() {
    last_output.Stop();
    if (auto tell = std::exchange(on_exit, nullptr)) tell(exit);
  }

  void AddPipe(ChildStream stream, Descriptor read_end, const OnLine& on_line) {
    auto* pipe = new OutputPipe;
    pipes.push_back(pipe);
    ++open_pipes;
    pipe->stream = stream;
    pipe->on_line = on_line;
    pipe->on_end = [this] { PipeEnded(); };
    uv_pipe_init(loop.Uv(), &pipe->handle, 0);
    pipe->handle.data = pipe;
    uv_pipe_open(&pipe->handle, read_end.Release());
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&pipe->handle),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto* owner = static_cast<OutputPipe*>(handle->data);
          *buffer = uv_buf_init(owner->buffer, sizeof owner->buffer);
        },
        [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
          auto* owner = static_cast<OutputPipe*>(handle->data);
          if (count > 0) owner->Take({buffer->base, static_cast<std::size_t>(count)});
          if (count >= 0) return;
          uv_read_stop(handle);
          owner->End();
        });
  }

  EventLoop& loop;
  Timer grace, last_output;
  pid_t pid = 0;
  bool is_reaped = false;
  int open_pipes = 0;
  ChildExit exit;
  OnExit on_exit;
  std::vector<OutputPipe*> pipes;
  uv_signal_t* watcher = nullptr;
};

Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(EventLoop& loop, const Options& options,
                                                          OnLine on_line, OnExit on_exit) {
  if (options.arguments.empty()) return Fail("no program to run");
  Result<Pipe> output = OpenPipe(), error = OpenPipe(), failure = OpenPipe();
  for (auto* pipe : {&output, &error, &failure}) {
    if (!*pipe) return tl::unexpected(pipe->error());
  }
  std::vector<char*> arguments = Pointers(options.arguments);
  arguments.push_back(nullptr);
  std::vector<char*> environment = Pointers(options.environment);
  for (char** inherited = environ; *inherited; ++inherited) environment.push_back(*inherited);
  environment.push_back(nullptr);

  auto state = std::make_unique<State>(loop);
  state->Watch();  // before the fork, so that no end is missed
  Launch launch{arguments.data(),
                environment.data(),
                options.directory.empty() ? nullptr : options.directory.c_str(),
                output->write_end.Get(),
                error->write_end.Get(),
                failure->write_end.Get(),
                getpid(),
                options.dies_with_parent,
                options.has_own_group};
  state->pid = ForkAndRun(launch);
  if (state->pid < 0) return Fail(std::string("fork: ") + std::strerror(errno));
  for (auto* pipe : {&output, &error, &failure}) (*pipe)->write_end = Descriptor();
  if (int reason = ReadFailure(failure->read_end.Get())) {
    return Fail(options.arguments[0] + ": " + std::strerror(reason));
  }
  state->AddPipe(ChildStream::kOutput, std::move(output->read_end), on_line);
  state->AddPipe(ChildStream::kError, std::move(error->read_end), on_line);
  state->on_exit = std::move(on_exit);
  return std::unique_ptr<ChildProcess>(new ChildProcess(std::move(state)));
}

ChildProcess::ChildProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}

ChildProcess::~ChildProcess() = default;

int ChildProcess::Pid() const { return state_->pid; }

bool ChildProcess::IsRunning() const { return !state_->is_reaped; }

void ChildProcess::Signal(int signal) {
  if (IsRunning()) kill(state_->pid, signal);
}

void ChildProcess::Stop(std::uint64_t grace_ms) {
  if (!IsRunning()) return;
  Signal(SIGTERM);
  state_->grace.Start(grace_ms, 0, [this] { Signal(SIGKILL); });
}

}  // namespace slotway::runtime
