// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls_stream.h"

#include <functional>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>

#include "runtime/blocking_client.h"
#include "runtime/clock.h"
#include "runtime/connection.h"
#include "runtime/listener.h"
#include "runtime/signals.h"
#include "runtime/tls_entrance.h"
#include "runtime/tls_fixture.h"

namespace slotway::runtime {
namespace {

using Side = TlsContext::Side;
using Verify = TlsStream::Verify;

// Both ends without a socket: what one seals the other opens, in pieces.
class TlsPair {
 public:
  TlsPair(const TlsContext& server_context, const TlsContext& client_context,
          const std::string& server_name, Verify verify, std::size_t piece = 1 << 14)
      : server(TlsStream::ForServer(server_context)),
        client(TlsStream::ForClient(client_context, server_name, verify)),
        piece_(piece) {
    client->Begin();
    Carry(*client, to_server_);
    Run();
  }

  void Say(TlsStream& who, std::string_view text) {
    iovec whole{const_cast<char*>(text.data()), text.size()};
    who.Seal({&whole, 1});
    Carry(who, &who == client.get() ? to_server_ : to_client_);
    Run();
  }
  void Finish(TlsStream& who) {
    who.Finish();
    Carry(who, &who == client.get() ? to_server_ : to_client_);
    Run();
  }

  std::unique_ptr<TlsStream> server, client;
  std::string heard_by_server, heard_by_client;

 private:
  static void Carry(TlsStream& from, std::string& way) { way += from.TakeSealed(); }
  void Run() {
    while (!to_server_.empty() || !to_client_.empty()) {
      Step(to_server_, *server, heard_by_server, to_client_);
      Step(to_client_, *client, heard_by_client, to_server_);
    }
  }
  void Step(std::string& way, TlsStream& to, std::string& heard, std::string& back) const {
    if (way.empty()) return;
    const std::string sealed = way.substr(0, piece_);
    way.erase(0, sealed.size());
    std::string plain(sealed.size() + TlsStream::kRecordBytesMax, '\0');
    heard.append(plain, 0, to.Open(sealed, plain));
    back += to.TakeSealed();
  }

  std::size_t piece_;
  std::string to_server_, to_client_;
};

class TlsTest : public testing::Test {
 protected:
  TlsFixture files_;
  std::unique_ptr<const TlsContext> server_ =
      TlsFixture::Open(files_.ServerSettings(), Side::kServer);
  std::unique_ptr<const TlsContext> client_ =
      TlsFixture::Open(files_.ClientSettings(), Side::kClient);
};

TEST_F(TlsTest, BytesInAnyPieces) {
  for (std::size_t piece : {1, 7, 1 << 14}) {
    TlsPair pair(*server_, *client_, "localhost", Verify::kName, piece);
    ASSERT_TRUE(pair.server->IsReady()) << pair.server->Failure();
    ASSERT_TRUE(pair.client->IsReady()) << pair.client->Failure();
    EXPECT_EQ(pair.client->ProtocolName(), "TLSv1.3");
    const std::string large(100'000, 'x');
    for (std::size_t at = 0; at < large.size(); at += 16'000) {
      pair.Say(*pair.client, std::string_view(large).substr(at, 16'000));
    }
    EXPECT_EQ(pair.heard_by_server, large);
    pair.Say(*pair.server, "pong");
    EXPECT_EQ(pair.heard_by_client, "pong");
    EXPECT_FALSE(pair.server->HasEnded());
    pair.Finish(*pair.client);
    EXPECT_TRUE(pair.server->HasEnded());
    EXPECT_EQ(pair.server->Failure(), "");
  }
}

TEST_F(TlsTest, WhoTheServerIsCounts) {
  TlsFixture stranger;
  auto other = TlsFixture::Open(stranger.ClientSettings(), Side::kClient);
  struct Case {
    const TlsContext& client;
    std::string name;
    Verify verify;
    std::string failure;
  };
  const Case cases[] = {
      {*client_, "localhost", Verify::kName, ""},
      {*client_, "elsewhere", Verify::kName, "TLS: certificate verify failed (hostname mismatch)"},
      {*client_, "127.0.0.1", Verify::kName, "TLS: certificate verify failed (IP address mismatch)"},
      {*client_, "elsewhere", Verify::kAuthority, ""},
      {*other, "localhost", Verify::kAuthority,
       "TLS: certificate verify failed (self-signed certificate)"},
      {*other, "elsewhere", Verify::kNothing, ""},
  };
  for (const Case& c : cases) {
    TlsPair pair(*server_, c.client, c.name, c.verify);
    EXPECT_EQ(pair.client->Failure(), c.failure) << c.name;
    EXPECT_EQ(pair.client->IsReady(), c.failure.empty());
    EXPECT_EQ(pair.server->Failure().empty(), c.failure.empty()) << "it is told by an alert";
  }
}

TEST_F(TlsTest, CertificatesOfClients) {
  TlsSettings asks = files_.ServerSettings();
  asks.ca_file = files_.Certificate().certificate_file;
  TlsSettings shows = files_.ClientSettings();
  shows.certificates = {files_.Certificate()};
  auto showing = TlsFixture::Open(shows, Side::kClient);
  for (auto wanted : {ClientCertificates::kOptional, ClientCertificates::kRequired}) {
    asks.client_certificates = wanted;
    auto asking = TlsFixture::Open(asks, Side::kServer);
    TlsPair with(*asking, *showing, "localhost", Verify::kName);
    EXPECT_TRUE(with.server->IsReady()) << with.server->Failure();
    EXPECT_EQ(with.server->PeerCommonName(), "localhost");
    TlsPair without(*asking, *client_, "localhost", Verify::kName);
    EXPECT_EQ(without.server->IsReady(), wanted == ClientCertificates::kOptional);
    EXPECT_EQ(without.server->PeerCommonName(), "");
  }
}

TEST_F(TlsTest, Protocols) {
  TlsSettings old = files_.ClientSettings();
  old.protocols = TlsSettings::kTls12;
  auto old_client = TlsFixture::Open(old, Side::kClient);
  TlsPair fine(*server_, *old_client, "localhost", Verify::kName);
  EXPECT_EQ(fine.server->ProtocolName(), "TLSv1.2");
  TlsSettings fresh = files_.ServerSettings();
  fresh.protocols = TlsSettings::kTls13;
  auto new_server = TlsFixture::Open(fresh, Side::kServer);
  TlsPair refused(*new_server, *old_client, "localhost", Verify::kName);
  EXPECT_EQ(refused.server->Failure(), "TLS: unsupported protocol");
}

TEST_F(TlsTest, ContextsTellWhenTheirCertificatesEnd) {
  TlsFixture one, other;
  TlsSettings settings = one.ServerSettings();
  settings.certificates.push_back(other.Certificate());
  auto context = TlsFixture::Open(settings, Side::kServer);
  ASSERT_NE(context, nullptr);
  ASSERT_EQ(context->CertificateEnds().size(), 2u);
  const std::int64_t left_s = context->CertificateEnds()[1].at_s - UnixMs() / 1000;
  EXPECT_NEAR(static_cast<double>(left_s), 3600, 60);
  EXPECT_EQ(context->CertificateEnds()[1].file, other.Certificate().certificate_file);
  auto client = TlsFixture::Open(one.ClientSettings(), Side::kClient);
  ASSERT_NE(client, nullptr);
  EXPECT_TRUE(client->CertificateEnds().empty());
}

TEST_F(TlsTest, CertificatesByName) {
  TlsFixture second("second.example"), wild("*.wild.example");
  TlsSettings several = files_.ServerSettings();
  several.certificates.push_back(second.Certificate());
  several.certificates.push_back(wild.Certificate());
  auto server = TlsFixture::Open(several, Side::kServer);
  for (const auto& [fixture, name] :
       {std::pair{&files_, "localhost"}, std::pair{&second, "SECOND.example"},
        std::pair{&wild, "a.wild.example"}}) {
    auto client = TlsFixture::Open(fixture->ClientSettings(), Side::kClient);
    TlsPair pair(*server, *client, name, Verify::kName);
    EXPECT_TRUE(pair.client->IsReady()) << name << ": " << pair.client->Failure();
  }
  EXPECT_EQ(server->FindByName("a.b.wild.example"), nullptr);
  EXPECT_EQ(server->FindByName("wild.example"), nullptr);
}

TEST_F(TlsTest, GarbageIsAnsweredByAnAlert) {
  auto stream = TlsStream::ForServer(*server_);
  std::string plain(100'000, '\0');
  EXPECT_EQ(stream->Open("PING\r\nPING\r\n", plain), 0u);
  EXPECT_EQ(stream->Failure(), "TLS: wrong version number");
  EXPECT_FALSE(stream->IsReady());
  EXPECT_EQ(stream->Open("more", plain), 0u);
}

// A server whose connections come through an entrance.
class TlsConnectionTest : public TlsTest {
 protected:
  struct End final : Connection::Handler {
    std::size_t OnBytes(std::string_view input) override {
      received.append(input);
      if (on_bytes) on_bytes();
      return input.size();
    }
    void OnEndOfInput() override {
      has_ended = true;
      if (on_end) on_end();
    }
    void OnClosed(std::string_view reason) override {
      closed_reason = reason;
      if (on_end) on_end();
    }
    void OnConnected() override {
      if (on_connected) on_connected();
    }
    std::function<void()> on_bytes, on_end, on_connected;
    std::string received, closed_reason;
    bool has_ended = false;
  };
  struct Visitor final : TlsEntrance::Visitor {
    explicit Visitor(TlsConnectionTest& owner) : test(owner) {}
    void OnSecured(std::unique_ptr<Connection> connection) override {
      test.server_connection_ = std::move(connection);
      test.server_connection_->Start(test.server_end_);
    }
    void OnTurnedAway(std::string_view reason) override {
      test.turned_away_ += std::string(reason) + ";";
      if (test.on_turned_away_) test.on_turned_away_();
    }
    TlsConnectionTest& test;
  };

  void SetUp() override {
    IgnoreBrokenPipes();
    auto listener = Listener::Listen(
        loop_, *SocketAddress::FromNumeric("127.0.0.1", 0), {},
        [this](std::unique_ptr<Connection> accepted) {
          entrance_.Admit(std::move(accepted), *server_, 100, std::make_unique<Visitor>(*this));
        });
    ASSERT_TRUE(listener) << listener.error().text;
    listener_ = *std::move(listener);
  }
  void Connect() {
    client_connection_ =
        Connection::Connect(loop_, listener_->Address(), 10'000, FlushStage::kUpstream, client_end_,
                            TlsStream::ForClient(*client_, "localhost", Verify::kName));
  }
  static void Send(Connection& connection, std::string_view bytes) {
    connection.Output().Append(bytes);
    connection.MarkForFlush();
  }

  EventLoop loop_;
  TlsEntrance entrance_{loop_, 2};
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Connection> server_connection_, client_connection_;
  End server_end_, client_end_;
  std::string turned_away_;
  std::function<void()> on_turned_away_;
};

TEST_F(TlsConnectionTest, LargeOutputBothWaysAndAnEnd) {
  const std::string large(5'000'000, 'l');
  Connect();
  Send(*client_connection_, large);  // waits for the handshake
  server_end_.on_bytes = [&] {
    if (server_end_.received.size() == large.size()) Send(*server_connection_, large);
  };
  client_end_.on_bytes = [&] {
    if (client_end_.received.size() == large.size()) client_connection_->CloseAfterFlush();
  };
  server_end_.on_end = [&] { loop_.Stop(); };
  loop_.Run();
  EXPECT_TRUE(server_end_.received == large);
  EXPECT_TRUE(client_end_.received == large);
  EXPECT_TRUE(server_end_.has_ended) << "by close_notify: " << server_end_.closed_reason;
  EXPECT_EQ(client_connection_->Written(), large.size());
  ASSERT_NE(server_connection_->Tls(), nullptr);
  EXPECT_TRUE(server_connection_->Tls()->IsReady());
}

TEST_F(TlsConnectionTest, PausedInputIsKept) {
  Connect();
  Timer timer(loop_);
  client_end_.on_connected = [&] { Send(*client_connection_, "one"); };
  server_end_.on_bytes = [&] {
    if (server_end_.received == "onetwo") return loop_.Stop();
    if (server_end_.received != "one") return;
    server_connection_->PauseReading();
    Send(*client_connection_, "two");
    timer.Start(20, 0, [&] {
      EXPECT_EQ(server_end_.received, "one");
      server_connection_->ResumeReading();
    });
  };
  loop_.Run();
  EXPECT_EQ(server_end_.received, "onetwo");
}

TEST_F(TlsConnectionTest, HandshakesAreBoundedInTimeAndNumber) {
  std::vector<OwnedFd> silent;
  for (int i = 0; i < 3; ++i) {
    silent.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
    SocketAddress address = listener_->Address();
    ASSERT_EQ(connect(silent.back().Number(), address.Native(), address.NativeSize()), 0);
  }
  on_turned_away_ = [&] {
    if (entrance_.HandshakesNow() == 0) loop_.Stop();
  };
  loop_.Run();
  EXPECT_EQ(turned_away_,
            "too many TLS handshakes are under way;no TLS handshake in time;"
            "no TLS handshake in time;");
}

TEST_F(TlsConnectionTest, AConnectionThatIsRefusedSaysWhy) {
  TlsFixture stranger;
  client_ = TlsFixture::Open(stranger.ClientSettings(), Side::kClient);
  int ended = 0;
  client_end_.on_end = on_turned_away_ = [&] {
    if (++ended == 2) loop_.Stop();
  };
  Connect();
  loop_.Run();
  EXPECT_EQ(client_end_.closed_reason, "TLS: certificate verify failed (self-signed certificate)");
  EXPECT_TRUE(turned_away_.starts_with("TLS: ")) << turned_away_;
}

TEST_F(TlsConnectionTest, AClientThatBlocks) {
  server_end_.on_bytes = [&] {
    if (server_end_.received == "ping") Send(*server_connection_, std::string(100'000, 'p'));
  };
  server_end_.on_end = [&] { loop_.Stop(); };
  std::string answer, failure;
  std::thread thread([&] {
    auto client = BlockingClient::Connect(
        "127.0.0.1", listener_->Address().Port(), 10'000,
        TlsStream::ForClient(*client_, "localhost", Verify::kName));
    if (!client) failure = client.error().text;
    bool is_well = client && client->Send("ping");
    while (is_well && answer.size() < 100'000) is_well = client->ReceiveSome(answer);
    if (!client) loop_.Stop();
  });
  loop_.Run();
  thread.join();
  EXPECT_EQ(failure, "");
  EXPECT_EQ(answer, std::string(100'000, 'p'));
}

}  // namespace
}  // namespace slotway::runtime
