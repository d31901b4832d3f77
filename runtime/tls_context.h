// SPDX-License-Identifier: Apache-2.0
// The certificates and rules that many TLS connections share, read from their files once.
//
// Immutable; any thread may make connections of it. Who wants new certificates makes a new context:
// connections that are up go on with the old one, which has to outlive their handshakes. Nobody
// renegotiates, nothing is compressed, no data comes early.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "runtime/tls_settings.h"

struct ssl_ctx_st;

namespace slotway::runtime {

// When a certificate's time is over, in seconds since 1970.
struct CertificateEnd {
  std::string file;
  std::int64_t at_s = 0;
};

class TlsContext {
 public:
  enum class Side { kServer, kClient };

  // Errors name the file, or the setting by what it holds. Never a password.
  static Result<std::unique_ptr<const TlsContext>> Make(const TlsSettings& settings, Side side);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  Side OwnSide() const { return side_; }
  ssl_ctx_st* Native() const { return contexts_.front().get(); }
  // The certificate's context for the name that a client asks for, in any case; nullptr: none has
  // it.
  ssl_ctx_st* FindByName(std::string_view server_name) const;

  // Of the certificates that were read, in their order.
  const std::vector<CertificateEnd>& CertificateEnds() const { return ends_; }

  // Every file that a context of these settings is made of.
  static std::vector<std::string> FilesOf(const TlsSettings& settings);

 private:
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  using NativeContext = std::unique_ptr<ssl_ctx_st, FreeContext>;
  explicit TlsContext(Side side) : side_(side) {}
  Result<NativeContext> MakeOne(const TlsSettings& settings, const TlsCertificate* certificate) const;
  void LearnNames(ssl_ctx_st* context);

  Side side_;
  std::vector<NativeContext> contexts_;  // one per certificate, at least one
  std::vector<CertificateEnd> ends_;
  std::vector<std::pair<std::string, ssl_ctx_st*>> names_;  // lower case; "*.x" stands for one label
};

}  // namespace slotway::runtime
