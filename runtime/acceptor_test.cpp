// SPDX-License-Identifier: Apache-2.0
#include "runtime/acceptor.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "runtime/connection.h"

namespace slotway::runtime {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

OwnedFd ConnectTo(const SocketAddress& address) {
  OwnedFd client(socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(client.Number(), address.Native(), address.NativeSize()), 0)
      << address.ToString();
  return client;
}

// Takes what comes; the loop stops at each.
class AcceptorTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Acceptor>> Listen(const SocketAddress& address) {
    return Acceptor::Listen(loop_, address, {.backlog = 511, .permissions = 0600},
                            [this](OwnedFd accepted) {
                              accepted_.push_back(std::move(accepted));
                              loop_.Stop();
                            });
  }

  EventLoop loop_;
  std::vector<OwnedFd> accepted_;
};

TEST_F(AcceptorTest, AnyLoopMayServeWhatItAccepts) {
  EventLoop other;
  std::unique_ptr<Connection> connection;
  struct Echo final : Connection::Handler {
    std::size_t OnBytes(std::string_view input) override {
      connection->Output().Append(input);
      connection->MarkForFlush();
      return input.size();
    }
    void OnEndOfInput() override { connection->Loop().Stop(); }
    void OnClosed(std::string_view) override {}
    Connection* connection = nullptr;
  } echo;
  auto acceptor = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
  ASSERT_TRUE(acceptor) << acceptor.error().text;
  OwnedFd client = ConnectTo((*acceptor)->Address());
  loop_.Run();
  ASSERT_EQ(accepted_.size(), 1u);

  auto adopted = Connection::Adopt(other, std::move(accepted_[0]), FlushStage::kDownstream);
  ASSERT_TRUE(adopted) << adopted.error().text;
  connection = *std::move(adopted);
  echo.connection = connection.get();
  connection->Start(echo);
  EXPECT_EQ(connection->LocalAddress(), (*acceptor)->Address());
  EXPECT_EQ(connection->PeerAddress(), SocketAddress::LocalOf(client.Number()));
  ASSERT_EQ(send(client.Number(), "ping", 4, 0), 4);
  shutdown(client.Number(), SHUT_WR);
  other.Run();
  char reply[8];
  EXPECT_EQ(recv(client.Number(), reply, sizeof reply, 0), 4);
  connection.reset();
}

TEST_F(AcceptorTest, MayBeDestroyedWhileItAccepts) {
  std::unique_ptr<Acceptor> acceptor;
  int count = 0;
  auto listening = Acceptor::Listen(loop_, *SocketAddress::FromNumeric("127.0.0.1", 0), {},
                                    [&](OwnedFd) {
                                      ++count;
                                      acceptor.reset();
                                      loop_.Stop();
                                    });
  ASSERT_TRUE(listening);
  acceptor = *std::move(listening);
  OwnedFd first = ConnectTo(acceptor->Address());
  OwnedFd second = ConnectTo(acceptor->Address());
  loop_.Run();
  EXPECT_EQ(count, 1);
}

TEST_F(AcceptorTest, WhoHasConnectedIsLetInBeforeTheEnd) {
  auto acceptor = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
  ASSERT_TRUE(acceptor);
  std::vector<OwnedFd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(ConnectTo((*acceptor)->Address()));
  (*acceptor)->AcceptWaiting();
  acceptor->reset();
  EXPECT_EQ(accepted_.size(), clients.size());
  char byte;
  for (const OwnedFd& client : clients) {
    EXPECT_EQ(recv(client.Number(), &byte, 1, MSG_DONTWAIT), -1);
    EXPECT_EQ(errno, EAGAIN);
  }
}

TEST_F(AcceptorTest, AnAddressInUseIsAnError) {
  auto first = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
  ASSERT_TRUE(first);
  auto second = Listen((*first)->Address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text, "cannot bind " + (*first)->Address().ToString() +
                                     ": Address already in use");
}

// The test's own soft limit is lowered until nothing more can be opened.
TEST_F(AcceptorTest, WithoutDescriptorsClientsWait) {
  auto acceptor = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0));
  ASSERT_TRUE(acceptor);
  OwnedFd client = ConnectTo((*acceptor)->Address());
  OwnedFd highest(dup(client.Number()));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(highest.Number()) + 1;
  std::vector<OwnedFd> fillers;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (int fd = dup(client.Number()); fd >= 0; fd = dup(client.Number())) {
    fillers.emplace_back(fd);
  }
  Timer timer(loop_);
  timer.Start(30, 0, [this] { loop_.Stop(); });
  loop_.Run();
  EXPECT_TRUE(accepted_.empty());
  setrlimit(RLIMIT_NOFILE, &before);
  loop_.Run();  // until it has been accepted after all
  EXPECT_EQ(accepted_.size(), 1u);
}

class UnixAcceptor : public AcceptorTest {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "slotway_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = (directory_ / "test.sock").string();
    address_ = *SocketAddress::FromPath(path_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_;
  std::string path_;
  SocketAddress address_;
};

TEST_F(UnixAcceptor, ListensAtAPath) {
  auto acceptor = Listen(address_);
  ASSERT_TRUE(acceptor) << acceptor.error().text;
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  OwnedFd client = ConnectTo(address_);
  loop_.Run();
  ASSERT_EQ(accepted_.size(), 1u);
  auto connection = Connection::Adopt(loop_, std::move(accepted_[0]), FlushStage::kDownstream);
  ASSERT_TRUE(connection);
  EXPECT_EQ((*connection)->PeerAddress().ToString(), path_ + ":0");
  EXPECT_EQ((*connection)->LocalAddress().ToString(), path_ + ":0");
  connection->reset();
  acceptor->reset();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixAcceptor, ReplacesWhatADeadProcessLeftBehind) {
  {
    OwnedFd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(dead.Number(), address_.Native(), address_.NativeSize()), 0);
  }
  ASSERT_TRUE(fs::exists(path_));
  auto acceptor = Listen(address_);
  ASSERT_TRUE(acceptor) << acceptor.error().text;
  OwnedFd client = ConnectTo(address_);
  loop_.Run();
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(UnixAcceptor, TakesNothingFromTheLiving) {
  auto first = Listen(address_);
  ASSERT_TRUE(first);
  auto second = Listen(address_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr(path_));
  EXPECT_THAT(second.error().text, HasSubstr("Address already in use"));
  // Nor a socket that somebody else has put there since.
  fs::remove(path_);
  auto third = Listen(address_);
  ASSERT_TRUE(third);
  first->reset();
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(UnixAcceptor, LeavesFilesAlone) {
  std::ofstream(path_) << "precious";
  auto acceptor = Listen(address_);
  ASSERT_FALSE(acceptor);
  EXPECT_THAT(acceptor.error().text, HasSubstr("File exists"));
  EXPECT_EQ(fs::file_size(path_), 8u);
}

}  // namespace
}  // namespace slotway::runtime
