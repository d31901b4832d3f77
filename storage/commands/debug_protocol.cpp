// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/debug_protocol.h"

#include <string_view>

namespace slotway::storage {
namespace {

constexpr std::string_view kBigNumber = "1234567999999999999999999999999999999";

void ReplyNumbers(CommandContext& ctx, int first, int count) {
  for (int i = first; i < first + count; ++i) ctx.reply.Integer(i);
}

struct ProtocolSample {
  std::string_view name;
  void (*reply)(CommandContext&);
};

constexpr ProtocolSample kSamples[] = {
    {"string", [](CommandContext& ctx) { ctx.reply.Bulk("Hello World"); }},
    {"integer", [](CommandContext& ctx) { ctx.reply.Integer(12345); }},
    {"double", [](CommandContext& ctx) { ctx.reply.Double(3.141); }},
    {"null", [](CommandContext& ctx) { ctx.reply.Null(); }},
    {"array",
     [](CommandContext& ctx) {
       ctx.reply.Array(3);
       ReplyNumbers(ctx, 0, 3);
     }},
    {"set",
     [](CommandContext& ctx) {
       ctx.reply.Set(3);
       ReplyNumbers(ctx, 0, 3);
     }},
    {"map",
     [](CommandContext& ctx) {
       ctx.reply.Map(3);
       for (int i = 0; i < 3; ++i) {
         ctx.reply.Integer(i);
         ctx.reply.Boolean(i == 1);
       }
     }},
    {"attrib",
     [](CommandContext& ctx) {
       if (ctx.reply.IsResp3()) {
         // wire: DEBUG PROTOCOL shows types that the writer has no use for.
         ctx.output.Append("|1\r\n");
         ctx.reply.Bulk("key-popularity");
         ctx.reply.Array(2);
         ctx.reply.Bulk("key:123");
         ctx.reply.Integer(90);
       }
       ctx.reply.Bulk("Some real reply following the attribute");
     }},
    {"push",
     [](CommandContext& ctx) {
       ctx.reply.Push(2);
       ctx.reply.Bulk("server-cpu-usage");
       ctx.reply.Integer(42);
     }},
    {"verbatim",
     [](CommandContext& ctx) { ctx.reply.Verbatim("txt", "This is a verbatim\nstring"); }},
    {"true", [](CommandContext& ctx) { ctx.reply.Boolean(true); }},
    {"false", [](CommandContext& ctx) { ctx.reply.Boolean(false); }},
    {"bignum",
     [](CommandContext& ctx) {
       if (!ctx.reply.IsResp3()) {
         ctx.reply.Bulk(kBigNumber);
         return;
       }
       ctx.output.Append("(");
       ctx.output.Append(kBigNumber);
       // wire: DEBUG PROTOCOL shows types that the writer has no use for.
       ctx.output.Append("\r\n");
     }},
};

}  // namespace

void DebugProtocol(CommandContext& ctx) {
  for (const ProtocolSample& sample : kSamples) {
    if (EqualsNoCase(ctx.args[2], sample.name)) {
      sample.reply(ctx);
      return;
    }
  }
  ctx.Error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|null|array|set|map|attrib|push|verbatim|true|false|bignum");
}

}  // namespace slotway::storage
