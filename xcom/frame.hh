// How messages travel on a stream: frames with a checksum, and big messages in chunks so that a heartbeat can pass them.
//
//   frame   u32 magic, u32 length of body, u32 crc32c(protocol, kind, body), u16 protocol, u8 kind, body
//   chunk   u32 message, u32 total, u32 offset, then bytes of the encoded message
//
// Shape:  the first frame of a connection is a hello; then data and chunk frames. A rejected frame answers a hello.
// Always: nothing from outside is believed before it was compared with a limit; what cannot be read costs the connection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hh"
#include "xcom/messages.hh"

namespace xcom {

inline constexpr std::size_t frame_header_bytes = 15;
inline constexpr std::size_t chunk_header_bytes = 12;
inline constexpr std::size_t chunk_bytes = 256U << 10;  // larger messages are sent in pieces of this size
inline constexpr std::size_t frame_body_bytes_max = 1U << 20;
inline constexpr std::size_t hello_bytes_max = 4096;  // before we know who it is
inline constexpr std::size_t message_bytes_max = 1U << 30;
inline constexpr std::size_t parts_held_max = 4;  // messages in pieces at the same time, on one connection

enum class frame_kind : std::uint8_t { hello = 1, rejected = 2, data = 3, chunk = 4 };

// Who dials. Everything else on the connection comes from this member.
struct hello {
  protocol_range speaks;
  std::string group_name;
  std::string address;  // the dialer's own group endpoint, host:port
  member_id self;
  std::uint64_t boot = 0;
  friend bool operator==(hello const&, hello const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(speaks, group_name, address, self, boot); }
};

// "I will not talk to you", with the reason for a person.
struct rejected {
  std::string reason;
  friend bool operator==(rejected const&, rejected const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(reason); }
};

// ---- sending ----

base::chain encode_frame(hello const& what);
base::chain encode_frame(rejected const& what);
// A message in the words of a protocol; blobs by reference.
struct encoded_message {
  std::uint16_t protocol = protocol_lowest;
  base::chain bytes;
};
// What is said before two members are of one site is said in the lowest.
std::uint16_t protocol_for(wire_message const& what, std::uint16_t of_site);
// In `protocol`, the one of the site, or in the lowest when it is said before joining. data_frame takes it when it is at
// most chunk_bytes long, chunked_message else.
encoded_message encode_message(wire_message const& what, std::uint16_t protocol);
base::chain data_frame(encoded_message message);

// A message on its way out in pieces.
class chunked_message {
 public:
  // `number` tells this message's chunks from those of others on the connection. At most message_bytes_max.
  chunked_message(std::uint32_t number, encoded_message message);
  [[nodiscard]] bool done() const { return sent_ == total_; }
  [[nodiscard]] std::size_t left() const { return total_ - sent_; }
  base::chain next();  // the next frame; not when done()

 private:
  base::chain take(std::size_t length);

  std::uint32_t number_;
  std::size_t total_;
  std::size_t sent_ = 0;
  std::uint16_t protocol_;
  base::chain message_;
  std::size_t piece_ = 0;
  std::size_t piece_offset_ = 0;
};

// ---- receiving ----

// A message in a protocol we do not speak: the group went on to a newer one without us. Nothing is wrong with the stream.
struct unreadable {
  std::uint16_t protocol = 0;
};
using frame_event = std::variant<hello, rejected, wire_message, unreadable>;

// Bytes of one connection to events. No input or output of its own.
//
// Cost: bytes of frames up to 32 KiB are copied once. Larger ones are read where they stay: the caller reads into
//       space(), which is then the body's own buffer, and the payloads of the message alias it.
class frame_decoder {
 public:
  explicit frame_decoder(protocol_range speaks = {});

  // Where the next bytes of the stream go; never empty. Valid until the next call.
  std::span<std::uint8_t> space();
  void filled(std::size_t bytes);
  // The next complete event, none when more bytes are needed. An error is final: the connection has to go.
  base::result<std::optional<frame_event>> next();
  // All three for bytes that are elsewhere.
  base::result<std::vector<frame_event>> feed(std::span<std::uint8_t const> bytes);

  [[nodiscard]] std::size_t bytes_held() const;                        // buffers included
  [[nodiscard]] bool is_in_pieces() const { return !parts_.empty(); }  // part of a large message is here

 private:
  struct header {
    std::uint32_t length = 0;
    std::uint32_t crc = 0;
    std::uint16_t protocol = 0;
    frame_kind kind{};
  };
  struct buffer {
    std::shared_ptr<std::uint8_t[]> bytes;
    std::size_t size = 0;
    std::size_t filled = 0;
  };
  struct direct_body {  // the rest of this frame's body is read straight into its buffer
    header head;
    std::uint32_t message = 0;  // of a chunk
    std::size_t begins = 0;     // where the frame's bytes begin in the buffer
    std::size_t ends = 0;
    std::uint32_t crc = 0;  // over what came before the bytes in the buffer
    buffer* into = nullptr;
  };

  base::result<std::optional<frame_event>> next_event();
  base::result<header> parse_header();
  base::result<void> check(header const& head) const;
  base::result<void> begin_large(header const& head);
  base::result<void> begin_chunk(header const& head);
  base::result<buffer*> part_for(std::uint32_t message, std::uint32_t total, std::uint32_t offset);
  void read_directly(direct_body body);
  base::result<std::optional<frame_event>> finish_direct();
  base::result<std::optional<frame_event>> take_small(header const& head);
  base::result<frame_event> decode(frame_kind kind, std::uint16_t protocol, base::blob const& body);
  base::result<frame_event> decode_hello(base::blob const& body);

  protocol_range speaks_;
  std::unique_ptr<std::uint8_t[]> block_;  // headers and small frames pass through here
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  buffer large_;
  std::map<std::uint32_t, buffer> parts_;
  std::optional<direct_body> direct_;
  bool greeted_ = false;
  std::optional<base::error> failed_;
};

}  // namespace xcom
