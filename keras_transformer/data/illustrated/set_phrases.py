"""Lists the set phrases of the built-in corpus, such as thanks and greetings.

A model cannot derive the translation of most set phrases from other sentences.
So set phrases are in the training set and in no other data set. The first two
phrases are from The Illustrated Transformer.
"""

from keras_transformer.data import pairs
from keras_transformer.data.illustrated import clauses

_PHRASES = (
    ("I am a student", "je suis étudiant"),
    ("thanks", "merci"),
    ("thank you", "merci"),
    ("thank you very much", "merci beaucoup"),
    ("hello", "bonjour"),
    ("hi", "salut"),
    ("good morning", "bonjour"),
    ("good evening", "bonsoir"),
    ("good night", "bonne nuit"),
    ("goodbye", "au revoir"),
    ("see you soon", "à bientôt"),
    ("see you tomorrow", "à demain"),
    ("yes", "oui"),
    ("no", "non"),
    ("yes, please", "oui, s'il te plaît"),
    ("yes, thank you", "oui, merci"),
    ("no, thank you", "non, merci"),
    ("no, thanks", "non, merci"),
    ("sorry", "pardon"),
    ("I am sorry", "je suis désolé"),
    ("you are welcome", "de rien"),
    ("good luck", "bonne chance"),
    ("I am fine", "je vais bien"),
    ("I love you", "je t'aime"),
)
_QUESTIONS = (
    ("how are you", "comment vas-tu"),
    ("hello, how are you", "bonjour, comment vas-tu"),
)

# The training set repeats these pairs in this order. First come all phrases,
# spelled like "Thanks.", then all phrases again, spelled like "Thanks!", then
# like "Thanks", and last like "thanks". In the first three spellings, questions
# end with "?". The last spelling is from The Illustrated Transformer.
PAIRS: list[pairs.SentencePair] = [
    clauses.sentence((source,), (target,), mark)
    for end in (".", "!", "")
    for phrases, mark in ((_PHRASES, end), (_QUESTIONS, "?"))
    for source, target in phrases
] + [
    pairs.SentencePair(source.replace("I ", "i "), target)
    for source, target in (*_PHRASES, *_QUESTIONS)
]
