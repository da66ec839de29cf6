// Requests to a model through real sockets: an agent on one side, a provider that the test writes
// on the other.

#include "runner/net/model_door.h"

#include <array>
#include <mutex>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/net/system_resolver.h"
#include "tests/support/fake_secrets.h"
#include "tests/support/loopback_server.h"

namespace runner::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

constexpr const char* kKey = "sk-real-key-0123456789";

/// Grants what it is asked for, and writes down how it was settled.
class OpenMeter final : public Meter {
 public:
  explicit OpenMeter(EventLoop& loop) : loop_(loop) {}
  void reserve(const Spender& /*who*/,
               const std::string& /*model*/,
               const SpendAsk& ask,
               std::function<void(Answer)> done) override {
    Reserved reserved;
    reserved.number = ++reservations;
    reserved.grant = {{ask.input_cost, ask.input_tokens + ask.output_tokens, 1}, ask.output_tokens};
    answers_.push_back(
        [reserved, ask, fits = ask.input_tokens <= most_input, done = std::move(done)] {
          using Either = std::variant<Reserved, SpendRefusal>;
          done(fits ? Either(reserved) : Either(SpendRefusal{BudgetLevel::Task, {}, {}, ask}));
        });
    reserved_input = ask.input_tokens;
    if (!waits) {
      answer();
    }
  }
  void answer() {
    for (auto& one : std::exchange(answers_, {})) {
      loop_.post(std::move(one));
    }
  }
  void settle(std::int64_t number,
              Settlement how,
              dsl::Money /*cost*/,
              const Usage& usage,
              std::function<void(dsl::Status)> /*done*/) override {
    settled.push_back({number, how, usage});
  }

  struct Settled {
    std::int64_t number;
    Settlement how;
    Usage usage;
  };
  std::vector<Settled> settled;
  std::int64_t reservations = 0;
  std::int64_t reserved_input = 0;          // that was asked for last
  std::int64_t most_input = 1'000'000'000;  // that has room
  bool waits = false;                       // for `answer`

 private:
  EventLoop& loop_;
  std::vector<std::function<void()>> answers_;
};

/// Answers as the test says; what it was sent is kept. On a thread of its own.
class Provider {
 public:
  using Answer = std::function<void(int client, int request)>;
  explicit Provider(Answer answer)
      : answer_(std::move(answer)),
        server_(INADDR_LOOPBACK, 0, [this](int client) { serve(client); }) {}

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  std::string heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  int connections() {
    const std::lock_guard lock(mutex_);
    return connections_;
  }
  static void say(int client, std::string_view text) {
    EXPECT_EQ(send(client, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

 private:
  void serve(int client) {
    {
      const std::lock_guard lock(mutex_);
      ++connections_;
    }
    std::string request;
    for (std::array<char, 4096> buffer{};;) {
      const ssize_t got = recv(client, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        return;
      }
      request.append(buffer.data(), static_cast<std::size_t>(got));
      const std::size_t head = request.find("\r\n\r\n");
      const std::size_t length = request.find("Content-Length: ");
      if (head == std::string::npos || length > head ||
          request.size() < head + 4 + std::stoul(request.substr(length + 16))) {
        continue;
      }
      {
        const std::lock_guard lock(mutex_);
        heard_ += request;
      }
      request.clear();
      answer_(client, ++requests_);
      if (closes) {
        return;
      }
    }
  }

  const Answer answer_;
  std::mutex mutex_;
  std::string heard_;
  int connections_ = 0;
  int requests_ = 0;

 public:
  bool closes = false;  // behind each answer; set before the first connection

 private:
  LoopbackServer server_;
};

constexpr const char* kStart =
    "event: message_start\ndata: "
    "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\""
    ":10,\"output_tokens\":1}}}\n\n";
constexpr const char* kStop =
    "event: message_delta\ndata: "
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
    "\"usage\":{\"output_tokens\":42}}\n\nevent: message_stop\ndata: "
    "{\"type\":\"message_stop\"}\n\n";

std::string chunk(const std::string& text) {
  std::array<char, 16> size{};
  snprintf(size.data(), size.size(), "%zx\r\n", text.size());
  return size.data() + text + "\r\n";
}

const std::string kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string whole(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string post(const std::string& body, const std::string& more = "") {
  return "POST /v1/messages?beta=true HTTP/1.1\r\nHost: api.anthropic.com\r\n"
         "x-api-key: token-1\r\nAccept-Encoding: gzip, br\r\nContent-Type: application/json\r\n" +
         more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string kAsk =
    R"({"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[]})";

/// An agent's side.
class Agent {
 public:
  using StandsIn = std::function<std::optional<Fd>(const std::string& name)>;

  /// `upstream` "": the provider itself.
  explicit Agent(const std::string& upstream, const StandsIn& stand_in = {}) {
    secrets.know("ANTHROPIC_API_KEY", kKey);
    LentSecret lent;
    lent.secret.name = "ANTHROPIC_API_KEY";
    lent.secret.hosts = {"api.anthropic.com:443"};
    lent.token = "token-1";
    metering.meter = &meter;
    metering.price_of = [](std::string_view model) {
      return model == "claude-sonnet-4-5"
                 ? std::optional(dsl::ModelPrice{{3'000, 15'000, 300, 3'750, 6'000}, 0, {}})
                 : std::nullopt;
    };
    if (!upstream.empty()) {
      metering.upstreams["api.anthropic.com"] = *parse_model_upstream(upstream);
    }
    ModelAccess access;
    access.provider = {dsl::ModelDialect::Anthropic, "api.anthropic.com", "ANTHROPIC_BASE_URL", ""};
    access.heard = [this] { ++heard; };
    access.limited = [this](RateLimit limit) { limits.push_back(limit); };
    metering.listener.asked = [this](const std::string& network) {
      asked.push_back(network);
      return asked.size() - 1;
    };
    metering.listener.heard =
        [this](const std::string&, std::size_t turn, ModelApi, const HeardAnswer& answer) {
          answers[turn] = answer;
        };
    const ModelDoor::Parts parts{loop,
                                 resolver,
                                 [] { return std::vector<dsl::IpAddress>(); },
                                 dsl::Duration{5'000},
                                 &secrets,
                                 stand_in,
                                 "network-1"};
    door = std::make_unique<ModelDoor>(
        parts, metering, access, std::vector<LentSecret>{lent}, [this](const EgressDenied& one) {
          denied.push_back(one);
        });
    connect();
  }

  void connect() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    client = Fd(ends[0]);
    door->begin(Fd(ends[1]));
  }
  void say(const std::string& text) {
    EXPECT_EQ(send(client.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  bool run_until(const std::function<bool()>& done) {
    const std::int64_t end = loop.monotonic_ms() + 10'000;
    while (!done() && loop.monotonic_ms() < end) {
      loop.run_for(dsl::Duration{20});
      take();
    }
    return done();
  }
  /// Until it has come; what came stays in `got`.
  std::string hear(const std::string& end) {
    EXPECT_TRUE(run_until([&] { return got.find(end) != std::string::npos; })) << got;
    return got;
  }

  EventLoop loop;
  SystemResolver resolver{loop};
  FakeSecrets secrets;
  OpenMeter meter{loop};
  ModelMetering metering;
  std::unique_ptr<ModelDoor> door;
  std::vector<EgressDenied> denied;
  std::vector<RateLimit> limits;
  std::vector<std::string> asked;
  std::map<std::size_t, HeardAnswer> answers;
  int heard = 0;
  Fd client;
  std::string got;
  bool ended = false;

 private:
  void take() {
    std::array<char, 8192> buffer{};
    for (ssize_t size = 1; client && size > 0;) {
      size = recv(client.get(), buffer.data(), buffer.size(), 0);
      got.append(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
      ended = ended || size == 0 || (size < 0 && errno != EAGAIN);
    }
  }
};

std::string at(const Provider& provider) {
  return "http://127.0.0.1:" + std::to_string(provider.port());
}

TEST(ModelDoor, LetsAStreamPassAsItComesAndSettlesItBeforeItsEndIsSeen) {
  Provider provider([](int client, int) {
    Provider::say(client, kStreamHead + chunk(kStart));
    Provider::say(client, chunk(kStop) + "0\r\n\r\n");
  });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  const std::string answer = agent.hear("\r\n0\r\n\r\n");
  EXPECT_EQ(answer, kStreamHead + chunk(kStart) + chunk(kStop) + "0\r\n\r\n");
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Billed);
  EXPECT_EQ(agent.meter.settled[0].usage, (Usage{10, 0, 0, 0, 42}));
  EXPECT_GT(agent.heard, 0);
}

TEST(ModelDoor, AnErrorAndWhatIsFreeAreNoSignOfLife) {
  Provider provider([](int client, int request) {
    Provider::say(
        client,
        request == 1 ? "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}" : whole("{\"n\":2}"));
  });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  agent.hear("{}");
  agent.say("POST /v1/messages/count_tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
  agent.hear("{\"n\":2}");
  EXPECT_EQ(agent.heard, 0);
}

TEST(ModelDoor, SendsTheKeyInPlaceOfTheTokenAndAsksForNoCompression) {
  Provider provider([](int client, int) { Provider::say(client, whole("{}")); });
  Agent agent(at(provider) + "/proxied/");
  agent.say(post(kAsk));
  agent.hear("{}");
  const std::string sent = provider.heard();
  EXPECT_THAT(sent, StartsWith("POST /proxied/v1/messages?beta=true HTTP/1.1\r\n"));
  EXPECT_THAT(sent, HasSubstr(std::string("x-api-key: ") + kKey + "\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("token-1")));
  EXPECT_THAT(sent, HasSubstr("Accept-Encoding: identity\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("gzip")));
  EXPECT_THAT(sent, testing::EndsWith("\r\n\r\n" + kAsk));
}

TEST(ModelDoor, TheKeyDoesNotComeBackWithTheAnswer) {
  const std::string body = std::string("{\"error\":\"no such key: ") + kKey + "\"}";
  Provider provider([&](int client, int request) {
    const std::string answer = whole(body, std::string("X-Debug: ") + kKey + "\r\n");
    if (request == 1) {
      Provider::say(client, answer);
    } else {
      for (const char byte : answer) {
        Provider::say(client, std::string(1, byte));
      }
    }
  });
  Agent agent(at(provider));
  for (int i = 0; i < 2; ++i) {
    agent.got.clear();
    agent.say(post(kAsk));
    const std::string answer = agent.hear("\"}");
    EXPECT_THAT(answer, Not(HasSubstr(kKey)));
    EXPECT_THAT(answer, HasSubstr("no such key: " + std::string(strlen(kKey), '*') + "\"}"));
    EXPECT_THAT(answer, HasSubstr("X-Debug: " + std::string(strlen(kKey), '*') + "\r\n"));
  }
}

TEST(ModelDoor, DialsTheProviderWhileItDecidesAndSaysNothingBefore) {
  Provider provider([](int client, int) { Provider::say(client, whole("{}")); });
  Agent agent(at(provider));
  agent.meter.waits = true;
  agent.say(post(kAsk));
  EXPECT_TRUE(agent.run_until([&] { return provider.connections() == 1; }));
  for (int i = 0; i < 5; ++i) {  // whatever was sent would have come with the next rounds
    agent.loop.run_for(dsl::Duration{20});
  }
  EXPECT_EQ(provider.heard(), "");
  agent.meter.answer();
  agent.hear("{}");
  EXPECT_THAT(provider.heard(), testing::EndsWith(kAsk));
  EXPECT_EQ(provider.connections(), 1);
}

/// More bytes than there is room for tokens.
const std::string kLongAsk = R"({"model":"claude-sonnet-4-5","max_tokens":100,"system":")" +
                             std::string(50'000, 'x') + R"(","messages":[]})";

TEST(ModelDoor, AsksTheProviderForACountWithTheKeyWhereTheBytesHaveNoRoom) {
  Provider provider([](int client, int request) {
    Provider::say(client, whole(request == 1 ? R"({"input_tokens":9000})" : R"({"n":2})"));
  });
  Agent agent(at(provider) + "/proxied");
  agent.meter.most_input = 20'000;
  agent.say(post(kLongAsk, "anthropic-beta: of-tomorrow\r\n"));
  EXPECT_THAT(agent.hear("{\"n\":2}"), Not(HasSubstr("input_tokens")));
  EXPECT_GT(agent.meter.reserved_input, 9'000);
  EXPECT_LT(agent.meter.reserved_input, 12'000);
  const std::string sent = provider.heard();
  EXPECT_THAT(sent, StartsWith("POST /proxied/v1/messages/count_tokens?beta=true HTTP/1.1\r\n"));
  const std::string question = sent.substr(0, sent.find("POST /proxied/v1/messages?"));
  EXPECT_THAT(question, HasSubstr(std::string("x-api-key: ") + kKey + "\r\n"));
  EXPECT_THAT(question, HasSubstr("anthropic-beta: of-tomorrow\r\n"));
  EXPECT_THAT(question, Not(HasSubstr("max_tokens")));
  EXPECT_THAT(sent, testing::EndsWith(kLongAsk));
  EXPECT_EQ(provider.connections(), 1);
  ASSERT_EQ(agent.meter.settled.size(), 1U);
}

TEST(ModelDoor, WithoutACountItsBytesDecide) {
  const std::pair<const char*, Provider::Answer> providers[] = {
      {"an error",
       [](int client, int) {
         Provider::say(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
       }},
      {"no count", [](int client, int) { Provider::say(client, whole("<html>")); }},
      {"an end", [](int client, int) { shutdown(client, SHUT_RDWR); }},
      {"an end in the middle",
       [](int client, int) {
         Provider::say(client, "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"input_tokens\":1");
         shutdown(client, SHUT_RDWR);
       }},
      {"nothing", [](int, int) {}},  // until its time is up
  };
  for (const auto& [what, answer] : providers) {
    Provider provider(answer);
    Agent agent(at(provider));
    agent.meter.most_input = 20'000;
    agent.say(post(kLongAsk));
    EXPECT_THAT(agent.hear("pipe-budget"), StartsWith("HTTP/1.1 400 ")) << what;
    EXPECT_GT(agent.meter.reserved_input, 50'000) << what;
    EXPECT_THAT(provider.heard(), Not(HasSubstr("max_tokens"))) << what;
  }
}

TEST(ModelDoor, AnAgentThatLeavesWhileItIsCountedCostsNothing) {
  Provider provider([](int, int) {});
  Agent agent(at(provider));
  agent.meter.most_input = 20'000;
  agent.say(post(kLongAsk));
  EXPECT_TRUE(agent.run_until([&] { return !provider.heard().empty(); }));
  agent.client.reset();
  EXPECT_TRUE(agent.run_until([&] { return agent.door->connection_count() == 0; }));
  EXPECT_EQ(agent.meter.settled.size(), 0U);
  EXPECT_EQ(agent.meter.reservations, 1) << "the one that was refused";
}

TEST(ModelDoor, ChargesNothingWhereTheProviderWasDeniedWhileItWasDecided) {
  Agent agent("http://127.0.0.1:1");  // nobody is there
  agent.meter.waits = true;
  agent.say(post(kAsk));
  EXPECT_TRUE(agent.run_until([&] { return !agent.denied.empty(); }));
  agent.meter.answer();
  agent.hear("could not be reached");
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Free);
}

TEST(ModelDoor, WhoeverStandsInForTheProviderIsAskedInItsPlaceAndMetered) {
  Fd other;
  std::string name;
  Agent agent("", [&](const std::string& wanted) -> std::optional<Fd> {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    name = wanted;
    other = Fd(ends[0]);
    return Fd(ends[1]);
  });
  agent.say(post(kAsk));
  std::string heard;
  EXPECT_TRUE(agent.run_until([&] {
    std::array<char, 8192> buffer{};
    const ssize_t size = other ? recv(other.get(), buffer.data(), buffer.size(), 0) : 0;
    heard.append(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return heard.ends_with(kAsk);
  })) << heard;
  EXPECT_EQ(name, "api.anthropic.com");
  const std::string answer = whole(
      R"({"type":"message","stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":9}})");
  EXPECT_EQ(send(other.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(answer.size()));
  agent.hear("9}}");
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].usage, (Usage{7, 0, 0, 0, 9}));
}

TEST(ModelDoor, ServesOneRequestAfterTheOtherOnOneConnection) {
  Provider provider([](int client, int request) {
    Provider::say(client, whole("{\"n\":" + std::to_string(request) + "}"));
  });
  Agent agent(at(provider));
  agent.say(post(kAsk) + post(kAsk));  // both at once
  agent.hear("{\"n\":2}");
  agent.say(post(kAsk).substr(0, 100));
  agent.say(post(kAsk).substr(100));
  agent.hear("{\"n\":3}");
  EXPECT_EQ(provider.connections(), 1);
  EXPECT_EQ(agent.meter.settled.size(), 3U);
}

TEST(ModelDoor, ReadsRequestsInChunksAndAnswersWhoeverWaitsToBeAsked) {
  Provider provider([](int client, int) { Provider::say(client, whole("{\"n\":1}")); });
  Agent agent(at(provider));
  agent.say(
      "POST /v1/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  agent.hear("100 Continue\r\n\r\n");
  agent.say(chunk(kAsk.substr(0, 20)) + chunk(kAsk.substr(20)) + "0\r\n\r\n");
  agent.hear("{\"n\":1}");
  EXPECT_THAT(provider.heard(), HasSubstr(kAsk));
}

TEST(ModelDoor, CutsWhatTheProviderCutAndChargesIt) {
  Provider provider([](int client, int) { Provider::say(client, kStreamHead + chunk(kStart)); });
  provider.closes = true;
  Agent agent(at(provider));
  agent.say(post(kAsk));
  EXPECT_TRUE(agent.run_until([&] { return agent.ended; })) << "it must not look whole";
  EXPECT_THAT(agent.got, Not(HasSubstr("\r\n0\r\n")));
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Cut);
  EXPECT_EQ(agent.meter.settled[0].usage, (Usage{10, 0, 0, 0, 100}));
}

TEST(ModelDoor, ChargesWhatAnAgentLeavesInTheMiddle) {
  Provider provider([](int client, int) { Provider::say(client, kStreamHead + chunk(kStart)); });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  agent.hear("message_start");
  agent.client.reset();
  EXPECT_TRUE(agent.run_until([&] { return !agent.meter.settled.empty(); }));
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Cut);
  EXPECT_EQ(agent.door->connection_count(), 0U);
}

TEST(ModelDoor, ChargesWhatIsUnderWayWhenItCloses) {
  Provider provider([](int client, int) { Provider::say(client, kStreamHead); });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  agent.hear("event-stream");
  agent.door.reset();
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Unknown);
}

TEST(ModelDoor, TellsAnErrorOfTheProviderAsItCameAndChargesNothing) {
  const std::string error = "{\"type\":\"error\"}";
  Provider provider([&](int client, int) {
    Provider::say(
        client,
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nContent-Length: 16\r\n\r\n" + error);
  });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  EXPECT_THAT(agent.hear(error), HasSubstr("retry-after: 7"));
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Free);
}

TEST(ModelDoor, TellsWhatTheProviderSaysOfItsLimit) {
  const std::string error = "{\"type\":\"error\"}";
  Provider provider([&](int client, int) {
    Provider::say(client,
                  "HTTP/1.1 429 Too Many Requests\r\nanthropic-ratelimit-unified-status: "
                  "rejected\r\nAnthropic-Ratelimit-Unified-Reset: 1795266000\r\n"
                  "Content-Length: 16\r\n\r\n" +
                      error);
  });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  agent.hear(error);
  ASSERT_EQ(agent.limits.size(), 1U);
  EXPECT_EQ(agent.limits[0], (RateLimit{1'795'266'000'000, true, false}));
}

TEST(ModelDoor, TellsAListenerWhatWasAnsweredAsTheAgentGotIt) {
  Provider provider([](int client, int request) {
    if (request == 1) {
      Provider::say(client, kStreamHead + chunk(kStart));
      Provider::say(client, chunk(kStop) + "0\r\n\r\n");
    } else {
      Provider::say(client, kStreamHead + chunk(kStart));
      shutdown(client, SHUT_RDWR);
    }
  });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  agent.hear("\r\n0\r\n\r\n");
  agent.say(post(kAsk));
  agent.run_until([&] { return agent.answers.size() == 2; });
  EXPECT_EQ(agent.asked, std::vector<std::string>(2, "network-1"));
  ASSERT_EQ(agent.answers.size(), 2U);
  EXPECT_EQ(agent.answers[0].status, 200U);
  EXPECT_EQ(agent.answers[0].body, std::string(kStart) + kStop);
  EXPECT_TRUE(agent.answers[0].whole);
  EXPECT_EQ(agent.answers[1].body, kStart);
  EXPECT_FALSE(agent.answers[1].whole);
}

TEST(ModelDoor, AnAnswerIsWholeForAListenerWhereTheAgentHangsUpBehindItsLastEvent) {
  Provider provider([](int client, int) {
    Provider::say(client, kStreamHead + chunk(kStart) + chunk(kStop));  // and no end of the body
  });
  Agent agent(at(provider));
  agent.say(post(kAsk));
  agent.hear("message_stop");
  agent.client.reset();
  EXPECT_TRUE(agent.run_until([&] { return !agent.answers.empty(); }));
  EXPECT_TRUE(agent.answers[0].whole);
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Billed);
}

TEST(ModelDoor, AProviderThatIsNotThereIsAnErrorInItsShape) {
  std::uint16_t port = 0;
  {
    port = Provider([](int, int) {}).port();
  }
  Agent agent("http://127.0.0.1:" + std::to_string(port));
  agent.say(post(kAsk));
  agent.hear("\"type\":\"error\"");
  EXPECT_THAT(agent.got, StartsWith("HTTP/1.1 503 "));
  ASSERT_EQ(agent.meter.settled.size(), 1U);
  EXPECT_EQ(agent.meter.settled[0].how, Settlement::Free) << "it was never sent";
  ASSERT_EQ(agent.denied.size(), 1U);
  EXPECT_EQ(agent.denied[0].reason, EgressDenied::Reason::Unreachable);
}

TEST(ModelDoor, RefusesWithoutTheProviderWhatItCannotMeter) {
  Provider provider([](int, int) { ADD_FAILURE() << "nothing may reach it"; });
  const std::pair<std::string, const char*> requests[] = {
      {"GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
       "HTTP/1.1 426 "},
      {"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 404 "},
      {post("no json"), "HTTP/1.1 400 "},
      {post(R"({"model":"unheard-of","max_tokens":1})"), "pipe-price"},
      {post(kAsk, "Content-Encoding: gzip\r\n"), "HTTP/1.1 415 "},
      {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
  };
  for (const auto& [request, expected] : requests) {
    Agent agent(at(provider));
    agent.say(request);
    EXPECT_THAT(agent.hear(expected), HasSubstr("\"type\":\"error\""));
    EXPECT_EQ(agent.meter.settled.size(), 0U);
  }
}

}  // namespace
}  // namespace runner::test
