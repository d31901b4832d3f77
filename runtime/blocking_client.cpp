// SPDX-License-Identifier: Apache-2.0
#include "runtime/blocking_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace slotway::runtime {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

}  // namespace

Result<BlockingClient> BlockingClient::Connect(const std::string& host, std::uint16_t port,
                                               std::uint64_t timeout_ms,
                                               std::unique_ptr<TlsStream> tls) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (failure != 0) return Fail(gai_strerror(failure));
  for (addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    auto attempt = ConnectTo(entry->ai_addr, entry->ai_addrlen, timeout_ms);
    if (!attempt && entry->ai_next != nullptr) continue;
    freeaddrinfo(list);
    if (!attempt || tls == nullptr) return attempt;
    if (auto shaken = attempt->Handshake(std::move(tls)); !shaken) {
      return tl::unexpected(shaken.error());
    }
    return attempt;
  }
  freeaddrinfo(list);
  return Fail("no address for " + host);
}

Result<BlockingClient> BlockingClient::ConnectTo(const sockaddr* address, socklen_t size_of_address,
                                                 std::uint64_t timeout_ms) {
  int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Fail(std::strerror(errno));
  BlockingClient client(descriptor, timeout_ms);
  int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(descriptor, address, size_of_address) != 0 && errno != EINPROGRESS) {
    return Fail(std::strerror(errno));
  }
  if (!client.WaitFor(POLLOUT, Clock::now() + client.timeout_)) return Fail("connect timed out");
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Fail(std::strerror(error));
  return client;
}

BlockingClient::~BlockingClient() {
  if (descriptor_ >= 0) close(descriptor_);
}

BlockingClient::BlockingClient(BlockingClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), timeout_(other.timeout_), tls_(std::move(other.tls_)) {}

std::string BlockingClient::PeerAddress() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (getpeername(descriptor_, generic, &size) != 0) return {};
  int failure =
      getnameinfo(generic, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  return failure == 0 ? host.data() : std::string();
}

bool BlockingClient::WaitFor(short events, Clock::time_point deadline) const {
  while (true) {
    auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{descriptor_, events, 0};
    int ready = poll(&waiting, 1, static_cast<int>(std::clamp<long long>(left, 0, 1 << 30)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool BlockingClient::SendRaw(std::string_view bytes) {
  auto deadline = Clock::now() + timeout_;
  while (!bytes.empty()) {
    ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      if (!WaitFor(POLLOUT, deadline)) return false;
    } else {
      return false;
    }
  }
  return true;
}

std::size_t BlockingClient::ReceiveRaw(std::span<char> buffer) {
  auto deadline = Clock::now() + timeout_;
  while (true) {
    ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) return 0;
    if (!WaitFor(POLLIN, deadline)) return 0;
  }
}

Result<void> BlockingClient::Handshake(std::unique_ptr<TlsStream> tls) {
  tls_ = std::move(tls);
  tls_->Begin();
  if (!SendRaw(tls_->TakeSealed())) return Fail("the connection was lost");
  std::string nothing;  // a server speaks when it is spoken to
  while (!tls_->IsReady()) {
    if (OpenSome(nothing)) continue;
    return Fail(tls_->Failure().empty() ? "no TLS handshake in time" : tls_->Failure());
  }
  return {};
}

bool BlockingClient::OpenSome(std::string& out) {
  std::array<char, kReadBytes> sealed;
  std::array<char, kReadBytes + TlsStream::kRecordBytesMax> plain;
  const std::size_t count = ReceiveRaw(sealed);
  if (count == 0) return false;
  const std::size_t opened = tls_->Open({sealed.data(), count}, plain);
  if (!SendRaw(tls_->TakeSealed())) return false;
  out.append(plain.data(), opened);
  return opened > 0 || (tls_->Failure().empty() && !tls_->HasEnded());
}

bool BlockingClient::Send(std::string_view bytes) {
  if (tls_ == nullptr) return SendRaw(bytes);
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, TlsStream::kRecordBytesMax);
    const iovec whole{const_cast<char*>(piece.data()), piece.size()};
    tls_->Seal({&whole, 1});
    if (!tls_->Failure().empty() || !SendRaw(tls_->TakeSealed())) return false;
    bytes.remove_prefix(piece.size());
  }
  return true;
}

bool BlockingClient::ReceiveSome(std::string& out) {
  if (tls_ != nullptr) {
    const std::size_t before = out.size();
    while (out.size() == before) {
      if (!OpenSome(out)) return false;
    }
    return true;
  }
  std::array<char, kReadBytes> buffer;
  const std::size_t count = ReceiveRaw(buffer);
  out.append(buffer.data(), count);
  return count > 0;
}

}  // namespace slotway::runtime
