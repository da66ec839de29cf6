#pragma once

// The words for the values of a Plan's enumerations: what pipeline files say, JSON holds and
// messages show. Any thread.

#include <array>
#include <string_view>
#include <utility>

#include "dsl/plan.h"

namespace dsl {

/// A value and how it is called.
template <class E>
using Word = std::pair<E, std::string_view>;

constexpr std::array kEngineNameWords = {
    Word<EngineName>{EngineName::Auto, "auto"},
    Word<EngineName>{EngineName::Sandbox, "sandbox"},
    Word<EngineName>{EngineName::Docker, "docker"},
    Word<EngineName>{EngineName::Podman, "podman"},
    Word<EngineName>{EngineName::Host, "host"},
};
constexpr std::array kImageKindWords = {
    Word<Image::Kind>{Image::Kind::Host, "host"},
    Word<Image::Kind>{Image::Kind::Reference, "reference"},
    Word<Image::Kind>{Image::Kind::RootFs, "rootfs"},
    Word<Image::Kind>{Image::Kind::OciArchive, "archive"},
    Word<Image::Kind>{Image::Kind::Build, "build"},
    Word<Image::Kind>{Image::Kind::Devcontainer, "devcontainer"},
};
constexpr std::array kPieceKindWords = {
    Word<Template::Piece::Kind>{Template::Piece::Kind::Literal, "literal"},
    Word<Template::Piece::Kind>{Template::Piece::Kind::Expression, "expression"},
};
constexpr std::array kValueTypeWords = {
    Word<ValueType>{ValueType::String, "string"},
    Word<ValueType>{ValueType::Number, "number"},
    Word<ValueType>{ValueType::Boolean, "boolean"},
    Word<ValueType>{ValueType::Json, "json"},
};
constexpr std::array kComparisonWords = {
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::Equals, "equals"},
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::NotEquals, "not_equals"},
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::Less, "less"},
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::LessOrEqual, "at_most"},
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::Greater, "greater"},
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::GreaterOrEqual, "at_least"},
    Word<JsonCheck::Comparison>{JsonCheck::Comparison::Exists, "exists"},
};
constexpr std::array kFirewallModeWords = {
    Word<Firewall::Mode>{Firewall::Mode::Gateway, "gateway"},
    Word<Firewall::Mode>{Firewall::Mode::Routed, "routed"},
};
constexpr std::array kCommitsWords = {
    Word<Commits>{Commits::One, "one"},
    Word<Commits>{Commits::Own, "own"},
};
constexpr std::array kDockerAccessWords = {
    Word<DockerAccess>{DockerAccess::None, "none"},
    Word<DockerAccess>{DockerAccess::Broker, "broker"},
    Word<DockerAccess>{DockerAccess::Socket, "socket"},
    Word<DockerAccess>{DockerAccess::Dind, "dind"},
};
constexpr std::array kExposeWords = {
    Word<Secret::Expose>{Secret::Expose::No, "no"},
    Word<Secret::Expose>{Secret::Expose::Variable, "variable"},
    Word<Secret::Expose>{Secret::Expose::File, "file"},
};
constexpr std::array kWorkspaceModeWords = {
    Word<Workspace::Mode>{Workspace::Mode::Copy, "copy"},
    Word<Workspace::Mode>{Workspace::Mode::ReadOnly, "readonly"},
};
constexpr std::array kFlaggedWords = {
    Word<Flagged>{Flagged::Tell, "tell"},
    Word<Flagged>{Flagged::Approve, "approve"},
    Word<Flagged>{Flagged::Refuse, "refuse"},
};
constexpr std::array kNodeKindWords = {
    Word<NodeKind>{NodeKind::Task, "task"},
    Word<NodeKind>{NodeKind::PhaseGate, "phase_gate"},
    Word<NodeKind>{NodeKind::Approval, "approval"},
};

constexpr std::array kAgentReasonWords = {
    Word<AgentReason>{AgentReason::Done, "done"},
    Word<AgentReason>{AgentReason::Budget, "budget"},
    Word<AgentReason>{AgentReason::Unpriced, "unpriced"},
    Word<AgentReason>{AgentReason::Turns, "turns"},
    Word<AgentReason>{AgentReason::Time, "time"},
    Word<AgentReason>{AgentReason::Idle, "idle"},
    Word<AgentReason>{AgentReason::RateWindow, "rate_window"},
    Word<AgentReason>{AgentReason::Denied, "denied"},
    Word<AgentReason>{AgentReason::Auth, "auth"},
    Word<AgentReason>{AgentReason::Provider, "provider"},
    Word<AgentReason>{AgentReason::Crash, "crash"},
};
constexpr std::array kAgentFieldWords = {
    Word<AgentField>{AgentField::Session, "session"},
    Word<AgentField>{AgentField::Model, "model"},
    Word<AgentField>{AgentField::Turns, "turns"},
    Word<AgentField>{AgentField::Cost, "cost"},
    Word<AgentField>{AgentField::InputTokens, "input_tokens"},
    Word<AgentField>{AgentField::OutputTokens, "output_tokens"},
    Word<AgentField>{AgentField::CachedTokens, "cached_tokens"},
    Word<AgentField>{AgentField::Claim, "claim"},
    Word<AgentField>{AgentField::Errors, "errors"},
    Word<AgentField>{AgentField::Denials, "denials"},
    Word<AgentField>{AgentField::ResetsAt, "resets_at"},
};
constexpr std::array kAgentComparisonWords = {
    Word<AgentCondition::Comparison>{AgentCondition::Comparison::OneOf, "one_of"},
    Word<AgentCondition::Comparison>{AgentCondition::Comparison::Contains, "contains"},
    Word<AgentCondition::Comparison>{AgentCondition::Comparison::AtLeast, "at_least"},
    Word<AgentCondition::Comparison>{AgentCondition::Comparison::Exists, "exists"},
};

constexpr std::array kModelDialectWords = {
    Word<ModelDialect>{ModelDialect::Anthropic, "anthropic"},
    Word<ModelDialect>{ModelDialect::OpenAi, "openai"},
    Word<ModelDialect>{ModelDialect::Gemini, "gemini"},
};

constexpr const auto& word_table(EngineName /*type*/) {
  return kEngineNameWords;
}
constexpr const auto& word_table(Image::Kind /*type*/) {
  return kImageKindWords;
}
constexpr const auto& word_table(Template::Piece::Kind /*type*/) {
  return kPieceKindWords;
}
constexpr const auto& word_table(ValueType /*type*/) {
  return kValueTypeWords;
}
constexpr const auto& word_table(JsonCheck::Comparison /*type*/) {
  return kComparisonWords;
}
constexpr const auto& word_table(Firewall::Mode /*type*/) {
  return kFirewallModeWords;
}
constexpr const auto& word_table(Commits /*type*/) {
  return kCommitsWords;
}
constexpr const auto& word_table(DockerAccess /*type*/) {
  return kDockerAccessWords;
}
constexpr const auto& word_table(Secret::Expose /*type*/) {
  return kExposeWords;
}
constexpr const auto& word_table(Flagged /*type*/) {
  return kFlaggedWords;
}
constexpr const auto& word_table(Workspace::Mode /*type*/) {
  return kWorkspaceModeWords;
}
constexpr const auto& word_table(NodeKind /*type*/) {
  return kNodeKindWords;
}
constexpr const auto& word_table(AgentReason /*type*/) {
  return kAgentReasonWords;
}
constexpr const auto& word_table(AgentField /*type*/) {
  return kAgentFieldWords;
}
constexpr const auto& word_table(AgentCondition::Comparison /*type*/) {
  return kAgentComparisonWords;
}
constexpr const auto& word_table(ModelDialect /*type*/) {
  return kModelDialectWords;
}

template <class E>
constexpr std::string_view word_of(E value) {
  for (const auto& [each, word] : word_table(value)) {
    if (each == value) {
      return word;
    }
  }
  return "";
}

}  // namespace dsl
