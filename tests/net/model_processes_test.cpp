// Two processes that spend from one ledger, killed in the middle of what they do and started again,
// as pipe is: a third one looks at the accounts all the while, a fourth is the provider and keeps
// its own.

#include <array>
#include <csignal>
#include <cstring>
#include <map>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/net/model_desk.h"
#include "runner/store/ledger_meter.h"
#include "runner/store/ledger_store.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kProcesses = 2;
constexpr std::size_t kAgents = 4;  // of each
constexpr std::size_t kLongestMessage = 16 << 10;

dsl::ModelPrice price() {
  return {{3'000, 15'000, 300, 3'750, 6'000}, 0, {}};  // billionths of a dollar
}

/// The day's budget is that of both processes; the first agent of each has less than it would take.
Spender spender(std::size_t process, std::size_t agent) {
  Spender who;
  who.run = dsl::RunId("r" + std::to_string(process));
  who.pipeline = "p";
  who.phase = "p" + std::to_string(agent / 2);
  who.task = dsl::NodeId(std::to_string(agent));
  who.run_budget.cost_per_day = dsl::Money{8'000'000};
  who.run_budget.cost = dsl::Money{6'000'000};
  who.phase_budget.tokens = dsl::Tokens{1'500'000};
  if (agent == 0) {
    who.task_budget.cost = dsl::Money{200'000};
  }
  return who;
}

/// Packets between a process and its provider: a request's number and its body, what it took, and
/// what a process that was started again says that its predecessor left open.
struct Packet {
  enum class What { Request, Answer, LeftOpen };
  What what = What::Request;
  std::int64_t number = 0;
  dsl::Money cost;
  Usage usage;
};

void send_packet(int socket, const Packet& packet, const std::string& body = "") {
  std::string bytes(sizeof(packet), '\0');
  std::memcpy(bytes.data(), &packet, sizeof(packet));
  bytes += body;
  [[maybe_unused]] const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

/// Nothing: none is there.
std::optional<std::pair<Packet, std::string>> next_packet(int socket) {
  std::array<char, kLongestMessage> buffer{};
  const ssize_t got = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < static_cast<ssize_t>(sizeof(Packet))) {
    return std::nullopt;
  }
  Packet packet;
  std::memcpy(&packet, buffer.data(), sizeof(packet));
  return std::pair(
      packet,
      std::string(buffer.data() + sizeof(packet), static_cast<std::size_t>(got) - sizeof(packet)));
}

/// What pipe does in one process, with agents that ask as long as they are answered.
class SpendingProcess {
 public:
  SpendingProcess(const std::string& ledger, std::size_t process, int provider, unsigned seed)
      : provider_(provider), random_(seed) {
    store_ = *LedgerStore::open(ledger);
    const auto left = store_->charge_open(spender(process, 0).run, loop_.wall_ms());
    for (const ModelAnswered& one : *left) {
      send_packet(provider_, {Packet::What::LeftOpen, one.request, one.spent.cost, {}});
    }
    meter_ = std::make_unique<LedgerMeter>(loop_, *store_);
    for (std::size_t i = 0; i < kAgents; ++i) {
      ModelAccess access;
      access.provider = {
          dsl::ModelDialect::Anthropic, "api.anthropic.com", "ANTHROPIC_BASE_URL", ""};
      access.who = spender(process, i);
      desks_.push_back(std::make_unique<ModelDesk>(
          *meter_, [](std::string_view) { return std::optional(price()); }, std::move(access)));
    }
  }

  /// Until nobody has room for anything.
  void run() {
    loop_.watch_readable(provider_, [this] {
      while (const auto answer = next_packet(provider_)) {
        const auto found = under_way_.find(answer->first.number);
        const auto [agent, passage] = found->second;
        under_way_.erase(found);
        desks_[agent]->settle(passage, {true, 200, true, answer->first.usage, true});
        ask(agent);
      }
    });
    asking_ = kAgents;
    for (std::size_t i = 0; i < kAgents; ++i) {
      ask(i);
    }
    while (asking_ > 0) {
      loop_.run_for(dsl::Duration{1'000});
    }
  }

 private:
  void ask(std::size_t agent) {
    const std::string text(1 + random_() % 4'000, 'x');
    const Json body = {{"model", "m"},
                       {"max_tokens", 100 + static_cast<std::int64_t>(random_() % 900)},
                       {"messages", Json::array({{{"role", "user"}, {"content", text}}})}};
    desks_[agent]->ask(
        "POST", "/v1/messages", body.dump(), [this, agent](ModelDesk::Decision decided) {
          auto* const passage = std::get_if<ModelPassage>(&decided);
          if (passage == nullptr) {
            --asking_;
            return;
          }
          send_packet(provider_, {Packet::What::Request, passage->number, {}, {}}, passage->body);
          under_way_.emplace(passage->number, std::pair(agent, std::move(*passage)));
        });
  }

  const int provider_;
  std::mt19937_64 random_;
  EventLoop loop_;
  std::unique_ptr<LedgerStore> store_;
  std::unique_ptr<LedgerMeter> meter_;
  std::vector<std::unique_ptr<ModelDesk>> desks_;
  std::map<std::int64_t, std::pair<std::size_t, ModelPassage>> under_way_;  // by number
  std::size_t asking_ = 0;
};

bool is_within(const Account& account) {
  const Spend& spent = account.spent;
  const Spend& held = account.reserved;
  return held.cost.micros >= 0 && held.tokens >= 0 && held.turns >= 0 &&
         (!account.cost_cap || spent.cost.micros + held.cost.micros <= account.cost_cap->micros) &&
         (!account.token_cap || spent.tokens + held.tokens <= *account.token_cap);
}

/// Looks until the socket ends; how often, or nothing as soon as any account is overdrawn.
std::optional<std::int64_t> watch_accounts(const std::string& path, int until) {
  const auto ledger = *LedgerStore::open(path);
  EventLoop clock;
  std::int64_t looks = 0;
  for (pollfd end{until, POLLIN, 0}; poll(&end, 1, 0) == 0; ++looks) {
    for (std::size_t process = 0; process < kProcesses; ++process) {
      for (std::size_t agent = 0; agent < kAgents; ++agent) {
        const auto accounts = ledger->accounts(spender(process, agent), clock.wall_ms());
        for (const Account& account : *accounts) {
          if (!is_within(account)) {
            return std::nullopt;
          }
        }
      }
    }
  }
  return looks;
}

/// A process of its own, which is told to end by the end of the socket's other side.
struct Child {
  pid_t id = 0;
  Fd socket;
};

template <class Body>
Child start(Body body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const pid_t id = fork();
  EXPECT_GE(id, 0);
  if (id == 0) {
    close(ends[0]);
    _exit(body(ends[1]));
  }
  close(ends[1]);
  return {id, Fd(ends[0])};
}

int exit_of(const Child& child) {
  int status = 0;
  EXPECT_EQ(waitpid(child.id, &status, 0), child.id);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// The provider: bills what it reads and writes, once it has the request, whoever is still there.
class Books {
 public:
  /// How many requests came.
  int serve(int socket) {
    int requests = 0;
    while (const auto packet = next_packet(socket)) {
      const auto& [head, body] = *packet;
      if (head.what == Packet::What::LeftOpen) {
        left_open[head.number] = head.cost.micros;
        continue;
      }
      const Json sent = Json::parse(body);
      Usage usage;
      usage.input_tokens = static_cast<std::int64_t>(body.size());  // as much as there can be
      usage.output_tokens =
          static_cast<std::int64_t>(random_() % sent["max_tokens"].get<std::uint64_t>()) + 1;
      billed[head.number] = (usage.input_tokens * 3'000 + usage.output_tokens * 15'000) / 1'000;
      send_packet(socket, {Packet::What::Answer, head.number, {}, usage});
      ++requests;
    }
    return requests;
  }

  std::map<std::int64_t, std::int64_t> billed;     // millionths of a dollar, by number
  std::map<std::int64_t, std::int64_t> left_open;  // what was charged for them

 private:
  std::mt19937_64 random_{7};
};

TEST(ModelProcesses, TwoThatAreKilledAtAnyMomentNeverOverspendAndEveryRequestIsAccountedFor) {
  if (exists("/dev/shm")) {  // durability is SQLite's, and tested elsewhere
    ::setenv("TMPDIR", "/dev/shm", 1);
  }
  const TempFolder folder;
  const std::string ledger = folder / "ledger.db";
  std::mt19937_64 random(11);
  const auto spend = [&](std::size_t process) {
    const unsigned seed = static_cast<unsigned>(random());
    return start([&ledger, process, seed](int provider) {
      SpendingProcess(ledger, process, provider, seed).run();
      return 0;
    });
  };
  Child reader = start([&ledger](int until) {
    const auto looks = watch_accounts(ledger, until);
    return looks && *looks > 0 ? 0 : 1;
  });
  Books books;
  std::array<Child, kProcesses> processes{spend(0), spend(1)};
  std::array<int, kProcesses> left{};  // requests until it is killed
  int kills = 0;
  for (std::array<bool, kProcesses> ended{}; !ended[0] || !ended[1];) {
    std::array<pollfd, kProcesses> waits{};
    for (std::size_t i = 0; i < kProcesses; ++i) {
      waits[i] = {ended[i] ? -1 : processes[i].socket.get(), POLLIN, 0};
    }
    ASSERT_GT(poll(waits.data(), waits.size(), 60'000), 0) << "nothing happens any more";
    for (std::size_t i = 0; i < kProcesses; ++i) {
      if (waits[i].revents == 0) {
        continue;
      }
      left[i] -= books.serve(processes[i].socket.get());
      if (left[i] < 0) {
        // At any moment of what it does next: reserve, send, settle.
        const timespec moment{0, static_cast<long>(random() % 3'000'000)};
        nanosleep(&moment, nullptr);
        kill(processes[i].id, SIGKILL);
        const int status = exit_of(processes[i]);
        books.serve(processes[i].socket.get());  // what it had sent is billed
        ended[i] = status == 0;                  // it was through before
        kills += ended[i] ? 0 : 1;
        left[i] = static_cast<int>(random() % 60);
        if (!ended[i]) {
          processes[i] = spend(i);
        }
      } else if ((waits[i].revents & POLLHUP) != 0) {
        EXPECT_EQ(exit_of(processes[i]), 0);
        ended[i] = true;
      }
    }
  }
  reader.socket.reset();
  EXPECT_EQ(exit_of(reader), 0) << "some account was overdrawn at some moment";
  EXPECT_GT(kills, 5);
  EXPECT_GT(books.left_open.size(), 5U) << "or the kills hit nothing";

  const auto opened = LedgerStore::open(ledger);
  ASSERT_TRUE(opened);
  std::int64_t recorded = 0;
  std::size_t found = 0;
  EXPECT_TRUE((*opened)->for_each(0, [&](const LedgerEntry& entry) {
    recorded += entry.spent.cost.micros;
    const auto billed = books.billed.find(entry.number);
    found += billed != books.billed.end() ? 1U : 0U;
    if (entry.settlement == Settlement::Billed) {
      EXPECT_EQ(billed == books.billed.end() ? -1 : billed->second, entry.spent.cost.micros);
    } else {
      EXPECT_EQ(entry.settlement, Settlement::Unknown);
      EXPECT_EQ(books.left_open.count(entry.number), 1U) << "nobody was told";
      EXPECT_EQ(books.left_open[entry.number], entry.spent.cost.micros);
      EXPECT_LE(billed == books.billed.end() ? 0 : billed->second, entry.spent.cost.micros);
    }
    return true;
  }));
  EXPECT_EQ(found, books.billed.size()) << "what was billed was reserved before";
  std::int64_t in_accounts = 0;
  const EventLoop clock;
  for (std::size_t process = 0; process < kProcesses; ++process) {
    const auto accounts = (*opened)->accounts(spender(process, 0), clock.wall_ms());
    ASSERT_TRUE(accounts);
    EXPECT_EQ((*accounts)[2].reserved, Spend{});
    in_accounts += (*accounts)[2].spent.cost.micros;
  }
  EXPECT_EQ(in_accounts, recorded);
}

}  // namespace
}  // namespace runner::test
