// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls_stream.h"

#include <algorithm>
#include <cassert>
#include <climits>
#include <cstring>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "runtime/socket_address.h"

namespace slotway::runtime {
namespace {

// What the last call to a stream of this thread made for its peer.
thread_local std::string sealed_bytes;

bool IsAddress(const std::string& host) { return SocketAddress::FromNumeric(host, 0).has_value(); }

}  // namespace

// How OpenSSL reads and writes: from the view that is being opened, to the thread's buffer.
struct TlsStreamBio {
  static int Read(BIO* bio, char* out, int size) {
    auto* stream = static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (stream->input_.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t count = std::min(stream->input_.size(), static_cast<std::size_t>(size));
    std::memcpy(out, stream->input_.data(), count);
    stream->input_.remove_prefix(count);
    return static_cast<int>(count);
  }

  static int Write(BIO*, const char* bytes, int size) {
    sealed_bytes.append(bytes, static_cast<std::size_t>(size));
    return size;
  }

  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* Make() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "slotway");
    BIO_meth_set_read(method, Read);
    BIO_meth_set_write(method, Write);
    BIO_meth_set_ctrl(method, Control);
    return method;
  }

  static BIO* New(TlsStream* stream) {
    static BIO_METHOD* const method = Make();
    BIO* bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

void TlsStream::FreeNative::operator()(SSL* native) const { SSL_free(native); }

TlsStream::TlsStream(const TlsContext& context) : native_(SSL_new(context.Native())) {
  if (native_ == nullptr) throw std::bad_alloc();
  BIO* bio = TlsStreamBio::New(this);
  SSL_set_bio(native_.get(), bio, bio);
}

TlsStream::~TlsStream() = default;

std::unique_ptr<TlsStream> TlsStream::ForServer(const TlsContext& context) {
  assert(context.OwnSide() == TlsContext::Side::kServer);
  std::unique_ptr<TlsStream> stream(new TlsStream(context));
  SSL_set_accept_state(stream->native_.get());
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::ForClient(const TlsContext& context,
                                                const std::string& server_name, Verify verify) {
  assert(context.OwnSide() == TlsContext::Side::kClient);
  std::unique_ptr<TlsStream> stream(new TlsStream(context));
  SSL* native = stream->native_.get();
  SSL_set_connect_state(native);
  SSL_set_verify(native, verify == Verify::kNothing ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (server_name.empty()) return stream;
  const bool is_address = IsAddress(server_name);
  // Addresses are no server names (RFC 6066, section 3).
  if (!is_address) SSL_set_tlsext_host_name(native, server_name.c_str());
  if (verify != Verify::kName) return stream;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), server_name.c_str());
  } else {
    SSL_set1_host(native, server_name.c_str());
  }
  return stream;
}

// OpenSSL's queue of errors is the thread's: each call begins with an empty one.
bool TlsStream::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(native_.get());
  if (result != 1) {
    Note(result);
    return false;
  }
  return is_ready_ = true;
}

void TlsStream::Begin() {
  sealed_bytes.clear();
  Handshake();
}

std::size_t TlsStream::Open(std::string_view sealed, std::span<char> plain) {
  assert(plain.size() >= sealed.size() + kRecordBytesMax);
  sealed_bytes.clear();
  input_ = sealed;
  std::size_t opened = 0;
  if (is_ready_ || Handshake()) {
    while (failure_.empty() && !has_ended_ && opened < plain.size()) {
      ERR_clear_error();
      const std::size_t room = std::min<std::size_t>(plain.size() - opened, INT_MAX);
      const int result = SSL_read(native_.get(), plain.data() + opened, static_cast<int>(room));
      if (result > 0) {
        opened += static_cast<std::size_t>(result);
        continue;
      }
      Note(result);
      if (SSL_get_error(native_.get(), result) == SSL_ERROR_WANT_READ) break;
    }
  }
  input_ = {};
  return opened;
}

void TlsStream::Seal(std::span<const iovec> plain) {
  assert(is_ready_);
  sealed_bytes.clear();
  for (const iovec& piece : plain) {
    if (piece.iov_len == 0) continue;
    ERR_clear_error();
    const int result =
        SSL_write(native_.get(), piece.iov_base, static_cast<int>(piece.iov_len));
    if (result <= 0) return Note(result);
  }
}

void TlsStream::Finish() {
  sealed_bytes.clear();
  if (!is_ready_ || !failure_.empty()) return;
  ERR_clear_error();
  SSL_shutdown(native_.get());
}

std::string_view TlsStream::TakeSealed() { return sealed_bytes; }

void TlsStream::Note(int result) {
  switch (SSL_get_error(native_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return;
    case SSL_ERROR_ZERO_RETURN:
      has_ended_ = true;
      return;
    default:
      break;
  }
  const unsigned long error = ERR_peek_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  failure_ = "TLS: ";
  failure_ += reason != nullptr ? reason : "protocol error";
  if (const long verified = SSL_get_verify_result(native_.get());
      !is_ready_ && verified != X509_V_OK) {
    failure_ += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
  }
  ERR_clear_error();
}

std::string TlsStream::PeerCommonName() const {
  X509* certificate = SSL_get0_peer_certificate(native_.get());
  if (certificate == nullptr || SSL_get_verify_result(native_.get()) != X509_V_OK) return {};
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  // Of several names none is the one.
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(
      &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

std::string_view TlsStream::ProtocolName() const { return SSL_get_version(native_.get()); }

}  // namespace slotway::runtime
