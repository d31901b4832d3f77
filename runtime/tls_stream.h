// SPDX-License-Identifier: Apache-2.0
// One end of a TLS connection without its socket: sealed bytes in, plain bytes out, and back.
//
// Whatever a call makes for the peer - records, the handshake, alerts - is in TakeSealed() right
// after it, in a buffer that all streams of the thread share: take it before the next call to any.
// Nothing is buffered here but an incomplete record, 16 KiB at most. Belongs to its thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

#include "runtime/tls_context.h"

struct ssl_st;

namespace slotway::runtime {

class TlsStream {
 public:
  // How a client looks at the certificate of the server.
  enum class Verify { kName, kAuthority, kNothing };

  // REQUIRES: the context is of a server, and lives until the handshake is over.
  static std::unique_ptr<TlsStream> ForServer(const TlsContext& context);
  // `server_name`: a host or an address; empty: none is asked for, and none is verified.
  static std::unique_ptr<TlsStream> ForClient(const TlsContext& context,
                                              const std::string& server_name, Verify verify);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // A client's first words. A server waits for them.
  void Begin();
  // Opens what has arrived, all of it. Returns how many bytes of `plain` were filled.
  // REQUIRES: plain.size() >= sealed.size() + kRecordBytesMax.
  std::size_t Open(std::string_view sealed, std::span<char> plain);
  // REQUIRES: IsReady().
  void Seal(std::span<const iovec> plain);
  // Says that nothing follows.
  void Finish();
  std::string_view TakeSealed();

  // The handshake is over and the peer is who it has to be.
  bool IsReady() const { return is_ready_; }
  // The peer says that nothing follows.
  bool HasEnded() const { return has_ended_; }
  // Why nothing goes any more; empty while all is well.
  const std::string& Failure() const { return failure_; }

  // The common name (UTF-8) of the certificate that the peer has shown; empty without one.
  std::string PeerCommonName() const;
  // "TLSv1.3"
  std::string_view ProtocolName() const;

  static constexpr std::size_t kRecordBytesMax = 16 * 1024;

 private:
  struct FreeNative {
    void operator()(ssl_st* native) const;
  };
  explicit TlsStream(const TlsContext& context);
  bool Handshake();
  void Note(int result);

  std::unique_ptr<ssl_st, FreeNative> native_;
  std::string_view input_;  // during Open()
  std::string failure_;
  bool is_ready_ = false;
  bool has_ended_ = false;

  friend struct TlsStreamBio;
};

}  // namespace slotway::runtime
