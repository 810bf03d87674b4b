"""BibTeX of the papers that objectives, constraints and presets come from."""

import re
from typing import Any

BIBTEX = {
    key: f"@{kind}{{{key},\n  author = {{{author}}},\n  title = {{{title}}},\n  {where},\n  year = {{{year}}},\n"
    f"  eprint = {{{eprint}}},\n  archivePrefix = {{arXiv}}\n}}"
    for key, kind, author, title, where, year, eprint in [
        (
            "goodfellow2014",
            "inproceedings",
            "Goodfellow, Ian and Pouget-Abadie, Jean and Mirza, Mehdi and Xu, Bing and Warde-Farley, David and "
            "Ozair, Sherjil and Courville, Aaron and Bengio, Yoshua",
            "Generative Adversarial Nets",
            "booktitle = {Advances in Neural Information Processing Systems 27}",
            2014,
            "1406.2661",
        ),
        (
            "radford2016",
            "inproceedings",
            "Radford, Alec and Metz, Luke and Chintala, Soumith",
            "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
            "booktitle = {International Conference on Learning Representations}",
            2016,
            "1511.06434",
        ),
        (
            "mao2017",
            "inproceedings",
            "Mao, Xudong and Li, Qing and Xie, Haoran and Lau, Raymond Y. K. and Wang, Zhen and Smolley, Stephen Paul",
            "Least Squares Generative Adversarial Networks",
            "booktitle = {International Conference on Computer Vision}",
            2017,
            "1611.04076",
        ),
        (
            "arjovsky2017",
            "inproceedings",
            "Arjovsky, Martin and Chintala, Soumith and Bottou, L{\\'e}on",
            "Wasserstein Generative Adversarial Networks",
            "booktitle = {International Conference on Machine Learning}",
            2017,
            "1701.07875",
        ),
        (
            "gulrajani2017",
            "inproceedings",
            "Gulrajani, Ishaan and Ahmed, Faruk and Arjovsky, Martin and Dumoulin, Vincent and Courville, Aaron",
            "Improved Training of {W}asserstein {GAN}s",
            "booktitle = {Advances in Neural Information Processing Systems 30}",
            2017,
            "1704.00028",
        ),
        (
            "petzka2018",
            "inproceedings",
            "Petzka, Henning and Fischer, Asja and Lukovnikov, Denis",
            "On the Regularization of {W}asserstein {GAN}s",
            "booktitle = {International Conference on Learning Representations}",
            2018,
            "1709.08894",
        ),
        (
            "miyato2018",
            "inproceedings",
            "Miyato, Takeru and Kataoka, Toshiki and Koyama, Masanori and Yoshida, Yuichi",
            "Spectral Normalization for Generative Adversarial Networks",
            "booktitle = {International Conference on Learning Representations}",
            2018,
            "1802.05957",
        ),
        (
            "lim2017",
            "misc",
            "Lim, Jae Hyun and Ye, Jong Chul",
            "Geometric {GAN}",
            "howpublished = {arXiv preprint}",
            2017,
            "1705.02894",
        ),
        (
            "kodali2017",
            "misc",
            "Kodali, Naveen and Abernethy, Jacob and Hays, James and Kira, Zsolt",
            "On Convergence and Stability of {GAN}s",
            "howpublished = {arXiv preprint}",
            2017,
            "1705.07215",
        ),
        (
            "mescheder2018",
            "inproceedings",
            "Mescheder, Lars and Geiger, Andreas and Nowozin, Sebastian",
            "Which Training Methods for {GAN}s do actually Converge?",
            "booktitle = {International Conference on Machine Learning}",
            2018,
            "1801.04406",
        ),
        (
            "karras2020",
            "inproceedings",
            "Karras, Tero and Laine, Samuli and Aittala, Miika and Hellsten, Janne and Lehtinen, Jaakko and Aila, Timo",
            "Analyzing and Improving the Image Quality of {StyleGAN}",
            "booktitle = {Conference on Computer Vision and Pattern Recognition}",
            2020,
            "1912.04958",
        ),
        (
            "jolicoeur2018",
            "misc",
            "Jolicoeur-Martineau, Alexia",
            "The Relativistic Discriminator: a Key Element Missing from Standard {GAN}",
            "howpublished = {arXiv preprint}",
            2018,
            "1807.00734",
        ),
        (
            "huang2024",
            "inproceedings",
            "Huang, Yiwen and Gokaslan, Aaron and Kuleshov, Volodymyr and Tompkin, James",
            "The {GAN} is dead; long live the {GAN}! A Modern {GAN} Baseline",
            "booktitle = {Advances in Neural Information Processing Systems 37}",
            2024,
            "2501.05441",
        ),
        (
            "zhao2017",
            "inproceedings",
            "Zhao, Junbo and Mathieu, Michael and LeCun, Yann",
            "Energy-based Generative Adversarial Networks",
            "booktitle = {International Conference on Learning Representations}",
            2017,
            "1609.03126",
        ),
        (
            "berthelot2017",
            "misc",
            "Berthelot, David and Schumm, Thomas and Metz, Luke",
            "{BEGAN}: Boundary Equilibrium Generative Adversarial Networks",
            "howpublished = {arXiv preprint}",
            2017,
            "1703.10717",
        ),
        (
            "qi2017",
            "misc",
            "Qi, Guo-Jun",
            "Loss-Sensitive Generative Adversarial Networks on {L}ipschitz Densities",
            "howpublished = {arXiv preprint}",
            2017,
            "1701.06264",
        ),
    ]
}
"""BibTeX entry of each paper, by key."""

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
_KEY_OF_EPRINT = {re.search(r"eprint = \{(.*?)\}", entry)[1]: key for key, entry in BIBTEX.items()}  # type: ignore[index]


def cited_papers(text: str) -> tuple[str, ...]:
    """Keys in `BIBTEX` of the papers whose arXiv numbers a text contains, each once, in order of first mention."""
    keys = (_KEY_OF_EPRINT.get(number) for number in _ARXIV.findall(text))
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def papers(description: Any) -> tuple[str, ...]:
    """Keys in `BIBTEX` of the papers that an objective, a constraint or a preset comes from.

    These are the papers in the `Source:` part of its docstring; for a preset those in its `source`, for a gradient
    penalty those that introduced its location, target and sides, and computing it at every k-th step. Empty if none of
    them is in `BIBTEX`.
    """
    if getattr(description, "kind", None) == "gradient_penalty":
        lazy = ("karras2020",) if description.every > 1 else ()
        return _penalty_papers(description.location, description.target, description.sides) + lazy
    source = getattr(description, "source", None) or (type(description).__doc__ or "").partition("Source:")[2]
    return cited_papers(source)


def _penalty_papers(location: str, target: int, sides: str) -> tuple[str, ...]:
    if location == "around_real":
        return ("kodali2017",)
    if target == 0:
        return ("mescheder2018", "huang2024") if location == "real_and_fake" else ("mescheder2018",)
    return ("gulrajani2017", "petzka2018") if sides == "one" else ("gulrajani2017",)


def citation(*used: Any) -> str:
    """BibTeX entries of the papers of objectives, constraints and presets, each once, in the order of the arguments.

    Errors: `TypeError` for an argument that has neither `kind` nor `source`.
    """
    keys: dict[str, None] = {}
    for description in used:
        if not (hasattr(description, "kind") or hasattr(description, "source")):
            raise TypeError(f"used: must be objectives, constraints or presets, but one is {description!r}")
        keys |= dict.fromkeys(papers(description))
    return "\n\n".join(BIBTEX[key] for key in keys)
