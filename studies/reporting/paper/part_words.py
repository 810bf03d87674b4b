"""Objectives, constraints, optimizers and networks of a study in words, from the tables of its record."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan_core.constraints import Constraint
from gan_core.networks import ConditionalGenerator, Critic, Generator, Networks
from gan_core.objectives import Objective
from gan_core.training.optimizers import Optimizer, Schedule
from studies.file.distribution_tables import is_distribution
from studies.file.modules import is_reference
from studies.reporting.paper.latex_text import Tex, code, escape, listed, names, number
from studies.reporting.paper.paper_citations import Citations, cited_part

Table = Mapping[str, Any]
_LOCATIONS = {
    "between": "on lines between real and generated samples",
    "real": "at real samples",
    "fake": "at generated samples",
    "real_and_fake": "at real and at generated samples",
    "around_real": "around real samples",
}
_CONSTRAINTS = {"none": "no constraint on the critic", "spectral_norm": "spectral normalisation"}
"""Words for the kinds that are no words themselves."""
_OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSProp", "sgd": "stochastic gradient descent"}
_INITIAL_WEIGHTS = {
    "he": "initial weights that preserve the variance",
    "dcgan": "initial weights of standard deviation 0.02",
}
_ERRORS = {
    "squared_error_mean": "mean squared error",
    "squared_error_sum": "summed squared error",
    "absolute_error_mean": "mean absolute error",
    "absolute_error_sum": "summed absolute error",
    "euclidean_norm": "Euclidean norm of the error",
}


def value(of_setting: Any) -> Tex:
    """The value of a setting, or that it was searched."""
    return Tex("searched") if is_distribution(of_setting) else number(of_setting)


def named(name: str, of_setting: Any) -> str:
    """Phrase for a field of a part: its name with its value, or with "searched": "margin 10", "searched margin"."""
    words = escape(name.replace("pull_away", "pull-away").replace("_", " "))
    return f"searched {words}" if is_distribution(of_setting) else f"{words} {number(of_setting)}"


def by_condition(words: Mapping[str, str]) -> Tex:
    """One text if it is the same for all conditions, else each text with the conditions that it holds for."""
    groups: dict[str, list[str]] = {}
    for condition, text in words.items():
        groups.setdefault(text, []).append(condition)
    if len(groups) == 1:
        return Tex(next(iter(groups)))
    return Tex("; ".join(f"{text} for {names(conditions)}" for text, conditions in groups.items()))


def objective_words(table: Table, citations: Citations) -> Tex:
    """The objective with its citation and its fields."""
    kind = table["kind"]
    if is_reference(kind):
        return Tex(f"the objective {code(kind)} of the authors of this study{_fields(table)}")
    name = "Wasserstein" if kind == "wasserstein" else kind.replace("_", "-")
    return Tex(f"{name} objective{citations.cite(cited_part(Objective, table))}{_fields(table)}")


def loop_words(table: Table) -> Tex:
    """A training loop of the user's own with its fields."""
    return Tex(f"the training loop {code(table['kind'])} of the authors of this study{_fields(table)}")


def constraint_words(table: Table, citations: Citations) -> Tex:
    """The constraint with its citation and its fields."""
    kind = table["kind"]
    if is_reference(kind):
        return Tex(f"the constraint {code(kind)} of the authors of this study{_fields(table)}")
    cited = citations.cite(cited_part(Constraint, table))
    if kind != "gradient_penalty":
        words = _CONSTRAINTS.get(kind, kind.replace("_", " "))
        return Tex(f"{words}{cited}{_fields(table)}")
    return Tex(f"gradient penalty {_location(table)}{cited} with {listed(list(_penalty(table)))}")


def _location(table: Table) -> str:
    return "at searched points" if is_distribution(table["location"]) else _LOCATIONS[table["location"]]


def _penalty(table: Table) -> Iterator[str]:
    target, sides = table["target"], table["sides"]
    if target == 0:
        yield Tex("target slope 0")
    else:
        on = "searched" if is_distribution(sides) else f"{sides}-sided"
        yield Tex(f"{on} {named('target slope', target)}")
    yield Tex(named("weight", table["gp_weight"]))
    if table["location"] == "around_real":
        yield Tex(named(f"{table['noise']} noise of scale", table["noise_scale"]))
    if table["every"] != 1:
        yield Tex(f"{named('interval', table['every'])} in critic steps")


def _fields(table: Table) -> str:
    """The fields besides the kind, as in " with margin 10 and searched slope"."""
    fields = [Tex(named(name, field)) for name, field in table.items() if name != "kind"]
    return f" with {listed(fields)}" if fields else ""


def optimizer_words(table: Table, citations: Citations) -> Tex:
    """The optimizer with its citation, its settings and its learning rate."""
    cited = citations.cite(cited_part(Optimizer, table))
    settings = ", ".join([*_optimizer_settings(table), named("learning rate", table["lr"])])
    return Tex(f"{_OPTIMIZERS[table['kind']]}{cited} ({settings}{_schedule(table['schedule'], citations)})")


def _schedule(table: Table, citations: Citations) -> str:
    cited = citations.cite(cited_part(Schedule, table))
    match table["kind"]:
        case "constant":
            return ""
        case "halving":
            return f", halved{cited} every {value(table['every'])} generator steps"
    shape = "linearly" if table["kind"] == "linear" else "along half a cosine"
    start = "" if table["start"] == 0 else f" from step {value(table['start'])} on"
    end = f"{value(table['final'])} times its value within {value(table['steps'])} generator steps"
    return f", changed {shape}{cited} to {end}{start}"


def _optimizer_settings(table: Table) -> Iterator[str]:
    match table["kind"]:
        case "adam":
            betas = table["betas"]
            if is_distribution(betas):
                yield r"$\beta_1$ and $\beta_2$ searched"
            else:
                yield from (rf"$\beta_{i}$ = {number(beta)}" for i, beta in enumerate(betas, start=1))
            yield rf"$\epsilon$ = {value(table['eps'])}"
        case "rmsprop":
            yield named("smoothing constant", table["alpha"])
            yield rf"$\epsilon$ = {value(table['eps'])}"
        case "sgd":
            yield named("momentum", table["momentum"])


# -- networks --------------------------------------------------------------------------------------------------------


def generator_words(networks: Table, bounded: bool, citations: Citations) -> Tex:
    """The generator, with its citation, and the labels of a conditional one."""
    text = _generator(networks, bounded, citations)
    if not networks.get("classes"):
        return text
    cited = citations.cite(ConditionalGenerator)
    label = f"the label of one of {value(networks['classes'])} classes as a one-hot vector"
    return Tex(f"{text}, followed by {label}{cited}")


def critic_words(networks: Table, bounded: bool, citations: Citations) -> Tex:
    """The critic, with its citation; empty for a pair of networks that the generator's words describe too."""
    text = _critic(networks, bounded, citations)
    return Tex(f"{text}, which gets the label of each sample too") if networks.get("classes") else text


def _generator(networks: Table, bounded: bool, citations: Citations) -> Tex:
    if networks["kind"] != "pair":
        return _own_or_pair(networks, citations)
    table = networks["generator"]
    kind, cited = table["kind"], citations.cite(cited_part(Generator, table))
    if kind == "mlp":
        text = f"a fully connected network with {_hidden(table)} with ReLU{cited} and {_output(table, bounded)}"
    elif kind == "conv":
        text = (
            f"a convolutional network as in DCGAN{cited} ({_conv(table)}, {_normalisation(table)}) with "
            f"{_output(table, bounded)}"
        )
    elif kind == "segment":
        start = named("initial value", table["theta"])
        return Tex(rf"the map $z \mapsto (\theta, \Phi(z))${cited} with {start} of $\theta$")
    else:
        return Tex(f"the class {code(kind)} of the authors of this study{_fields(table)}")
    return Tex(f"{text}; its input is standard normal with {value(table['latent'])} coordinates")


def _critic(networks: Table, bounded: bool, citations: Citations) -> Tex:
    if networks["kind"] != "pair":
        return Tex("")
    table = networks["critic"]
    kind, cited = table["kind"], citations.cite(cited_part(Critic, table))
    match kind:
        case "mlp":
            rectified = " with a rectified output" if table["output"] == "relu" else ""
            return Tex(
                f"a fully connected network with {_hidden(table)} with leaky ReLU (slope 0.2){cited}, whose output is "
                f"{_meaning(table)}{rectified}"
            )
        case "conv":
            return Tex(
                f"a convolutional network as in DCGAN{cited} ({_conv(table)}, {_normalisation(table)}), whose output "
                f"is {_meaning(table)}"
            )
        case "autoencoder":
            return Tex(
                f"an autoencoder{cited} whose energy is the {_energy(table)} of the reconstruction, with "
                f"{_hidden(table)} with leaky ReLU (slope 0.2) in encoder and decoder each, a code of "
                f"{value(table['code'])} numbers and {_output(table, bounded)}"
            )
        case "conv_autoencoder":
            return Tex(
                f"a convolutional autoencoder{cited} whose energy is the {_energy(table)} of the reconstruction "
                f"({_conv(table)}, {_normalisation(table)}), with a code of {value(table['code'])} numbers and "
                f"{_output(table, bounded)}"
            )
    return Tex(f"the class {code(kind)} of the authors of this study{_fields(table)}")


def _own_or_pair(networks: Table, citations: Citations) -> Tex:
    if networks["kind"] != "dirac":
        return Tex(f"the class {code(networks['kind'])} of the authors of this study{_fields(networks)}")
    cited = citations.cite(cited_part(Networks, networks))
    start = rf"$\theta$ = {value(networks['theta'])} and $\psi$ = {value(networks['psi'])}"
    return Tex(rf"a point mass at $\theta$, against the critic $x \mapsto \psi x${cited}, from {start}")


def _hidden(table: Table) -> str:
    """Depth and width, as in "3 hidden layers of 64 units"."""
    return f"{_amount(table['depth'], 'hidden layer')} of {_amount(table['width'], 'unit')}"


def _amount(count: Any, noun: str) -> str:
    if is_distribution(count):
        return f"a searched number of {noun}s"
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _conv(table: Table) -> str:
    kind = table["initialisation"]
    start = "searched initial weights" if is_distribution(kind) else _INITIAL_WEIGHTS[kind]
    return f"{_amount(table['base'], 'channel')} next to the image, {start}"


def _normalisation(table: Table) -> str:
    kind = table["normalisation"]
    if is_distribution(kind):
        return "searched normalisation"
    return "no normalisation" if kind == "none" else f"{kind} normalisation"


def _output(table: Table, bounded: bool) -> str:
    output = table["output"]
    if is_distribution(output):
        return "a searched output activation"
    is_tanh = output == "tanh" or (output == "match_data" and bounded)
    return "a tanh output" if is_tanh else "a linear output"


def _meaning(table: Table) -> str:
    form = table["form"]
    if form == "energy":
        return "an energy (low on real samples)"
    return "a score (high on real samples)"


def _energy(table: Table) -> str:
    energy = table["energy"]
    return "searched error" if is_distribution(energy) else _ERRORS[energy]
