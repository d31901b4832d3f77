// SPDX-License-Identifier: Apache-2.0
#include "runtime/proxy_header.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::runtime {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string Header(char command, char kind, const std::string& rest) {
  std::string header = kSignature + command + kind;
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xff);
  return header + rest;
}

const std::string kIpv4Ends("\x0a\x01\x02\x03\xc0\xa8\x00\x01\xd4\x31\x18\xeb", 12);
const std::string kIpv6Ends =
    std::string("\xfd\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
    std::string("\xfd\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 16) + std::string("\xd4\x31\x18\xeb", 4);
const std::string kTlv("\x04\x00\x03" "abc", 6);

// What every beginning of a header must be: incomplete.
void ExpectComplete(const std::string& bytes, ProxyHeader& header) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(ParseProxyHeader(bytes.substr(0, i), header), ProxyHeaderStatus::kIncomplete) << i;
  }
  ASSERT_EQ(ParseProxyHeader(bytes + "PING\r\n", header), ProxyHeaderStatus::kComplete);
  EXPECT_EQ(header.size, bytes.size());
}

TEST(ProxyHeader, TellsBothEnds) {
  ProxyHeader header;
  ExpectComplete(Header('\x21', '\x11', kIpv4Ends), header);
  EXPECT_TRUE(header.has_addresses);
  EXPECT_EQ(header.source.ToString(), "10.1.2.3:54321");
  EXPECT_EQ(header.destination.ToString(), "192.168.0.1:6379");
  ExpectComplete(Header('\x21', '\x21', kIpv6Ends), header);
  EXPECT_TRUE(header.has_addresses);
  EXPECT_EQ(header.source.ToString(), "[fd00::1]:54321");
  EXPECT_EQ(header.destination.ToString(), "[fd00::2]:6379");
}

TEST(ProxyHeader, SkipsWhatItDoesNotNeed) {
  ProxyHeader header;
  ExpectComplete(Header('\x21', '\x11', kIpv4Ends + kTlv + kTlv), header);
  EXPECT_EQ(header.source.ToString(), "10.1.2.3:54321");
  // Local: a health check, whatever stands behind it.
  ExpectComplete(Header('\x20', '\x00', ""), header);
  EXPECT_FALSE(header.has_addresses);
  ExpectComplete(Header('\x20', '\x12', "anything"), header);
  EXPECT_FALSE(header.has_addresses);
  ExpectComplete(Header('\x21', '\x00', "anything"), header);
  EXPECT_FALSE(header.has_addresses);
  ExpectComplete(Header('\x21', '\x31', std::string(216, 'p')), header);
  EXPECT_FALSE(header.has_addresses);
}

TEST(ProxyHeader, RefusesTheRest) {
  const std::string bad_tlv("\x04\x00\x09" "abc", 6);
  const std::string cases[] = {
      "PROXY TCP4 10.1.2.3 192.168.0.1 54321 6379\r\n",  // version 1
      "*1\r\n$4\r\nPING\r\n",
      "\r\n\r\nx",
      Header('\x11', '\x11', kIpv4Ends),                // no such version
      Header('\x22', '\x11', kIpv4Ends),                // no such command
      Header('\x21', '\x12', kIpv4Ends),                // datagrams
      Header('\x21', '\x41', kIpv4Ends),                // no such family
      Header('\x21', '\x11', kIpv4Ends.substr(0, 11)),  // too short for its addresses
      Header('\x21', '\x21', kIpv4Ends),
      Header('\x21', '\x11', kIpv4Ends + bad_tlv),
      Header('\x21', '\x11', kIpv4Ends + "\x04"),
  };
  for (const std::string& bytes : cases) {
    ProxyHeader header;
    EXPECT_EQ(ParseProxyHeader(bytes, header), ProxyHeaderStatus::kMalformed) << bytes;
    // Never complete on the way there, and never incomplete again once it was malformed.
    bool was_malformed = false;
    for (std::size_t i = 0; i <= bytes.size(); ++i) {
      auto status = ParseProxyHeader(bytes.substr(0, i), header);
      EXPECT_NE(status, ProxyHeaderStatus::kComplete) << bytes.substr(0, i);
      EXPECT_TRUE(!was_malformed || status == ProxyHeaderStatus::kMalformed) << i;
      was_malformed = status == ProxyHeaderStatus::kMalformed;
    }
  }
}

TEST(ProxyHeader, TheLongestOne) {
  std::string tlv("\x04\xff\xf0", 3);
  tlv += std::string(0xfff0, 'x');
  ASSERT_EQ(kIpv4Ends.size() + tlv.size(), 0xffffu);
  ProxyHeader header;
  std::string bytes = Header('\x21', '\x11', kIpv4Ends + tlv);
  EXPECT_EQ(ParseProxyHeader(bytes.substr(0, bytes.size() - 1), header),
            ProxyHeaderStatus::kIncomplete);
  ASSERT_EQ(ParseProxyHeader(bytes, header), ProxyHeaderStatus::kComplete);
  EXPECT_EQ(header.size, 65551u);
}

}  // namespace
}  // namespace slotway::runtime
