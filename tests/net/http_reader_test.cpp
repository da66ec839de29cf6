#include "runner/net/http_reader.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

using State = HttpReader::State;

struct Reading {
  explicit Reading(HttpReader::Kind kind)
      : reader(kind,
               {[this](const HttpMessageHead& one) { head = one; },
                [this](std::string_view bytes) { body += bytes; }}) {}
  /// What is left, with the bytes coming `step` at a time.
  std::string read(const std::string& text, std::size_t step) {
    std::string held;
    for (std::size_t at = 0; at < text.size(); at += step) {
      held += text.substr(at, step);
      held.erase(0, reader.read(held));
    }
    return held;
  }

  HttpMessageHead head;
  std::string body;
  HttpReader reader;
};

TEST(HttpReader, ReadsAMessageHoweverItIsCutAndLeavesTheNext) {
  const std::string text =
      "POST /x?y=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n5;ext=1\r\ndefgh\r\n0\r\n\r\nGET /next";
  for (const std::size_t step : {std::size_t{1}, std::size_t{5}, text.size()}) {
    Reading reading(HttpReader::Kind::Requests);
    EXPECT_EQ(reading.read(text, step), "GET /next");
    EXPECT_EQ(reading.reader.state(), State::Whole);
    EXPECT_EQ(reading.head.method, "POST");
    EXPECT_EQ(reading.head.target, "/x?y=1");
    EXPECT_EQ(reading.head.field("HOST"), "h");
    EXPECT_EQ(reading.body, "abcdefgh");
    EXPECT_TRUE(reading.head.keeps_alive);
  }
}

TEST(HttpReader, AnAnswerMayEndWithItsConnection) {
  Reading reading(HttpReader::Kind::Answers);
  EXPECT_EQ(reading.read("HTTP/1.1 200 OK\r\n\r\nto the end", 3), "");
  EXPECT_EQ(reading.reader.state(), State::More);
  EXPECT_EQ(reading.reader.end(), State::Whole);
  EXPECT_EQ(reading.body, "to the end");
  EXPECT_EQ(reading.head.status, 200);
  EXPECT_FALSE(reading.head.keeps_alive);
}

TEST(HttpReader, WhatBreaksOffIsNotWhole) {
  for (const char* text : {"",
                           "HTTP/1.1 20",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"}) {
    Reading reading(HttpReader::Kind::Answers);
    reading.read(text, 100);
    EXPECT_EQ(reading.reader.end(), State::Broken) << text;
  }
}

TEST(HttpReader, AnAnswerToHeadHasNoBody) {
  Reading reading(HttpReader::Kind::Answers);
  reading.reader.begin(true);
  EXPECT_EQ(reading.read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP", 7), "HTTP");
  EXPECT_EQ(reading.reader.state(), State::Whole);
}

TEST(HttpReader, RefusesWhatIsNoMessageOrTooLong) {
  for (const std::string& text : {std::string("nonsense\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nA: b\r\nno field\r\n\r\n"),
                                  "GET / HTTP/1.1\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n",
                                  std::string("POST / HTTP/1.1\r\nContent-Length: 1\r\n"
                                              "Content-Length: 2\r\n\r\n")}) {
    Reading reading(HttpReader::Kind::Requests);
    reading.read(text, 64);
    EXPECT_EQ(reading.reader.state(), State::Broken) << text.substr(0, 60);
  }
}

}  // namespace
}  // namespace runner
