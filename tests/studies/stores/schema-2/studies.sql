BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE confirmation_trainings (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	stage INTEGER NOT NULL, 
	trial_number INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	seconds FLOAT NOT NULL, 
	num_images INTEGER, 
	correct BLOB, 
	confusion JSON, 
	weights_sha256 VARCHAR(64), 
	PRIMARY KEY (id), 
	UNIQUE (study_name, stage, trial_number, seed), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "confirmation_trainings" VALUES(1,'digits-700',1,1,2340540091,6.10709810007392661646e-02,300,X'441CB800FCA0050BA2223381448D100025724370E51974AC2080300698100640861D01665600','null',NULL);
INSERT INTO "confirmation_trainings" VALUES(2,'digits-700',1,0,2340540091,7.4743580000358633697e-02,300,X'08101501FC2105008040018105000900A552415165C8180C7094081E88400450C08421064400','null',NULL);
INSERT INTO "confirmation_trainings" VALUES(3,'digits-700',1,0,1727626436,5.86853000022529158741e-02,300,X'41081404FC2D010EA236B6416480802012500861009856A76180001118A38334805410645C00','null',NULL);
INSERT INTO "confirmation_trainings" VALUES(4,'digits-700',1,1,1727626436,4.75583290026406757533e-02,300,X'C9A042A20085880406F0942B6410816C1205208000404627659A184990C1FB05A040AA001980','null',NULL);
INSERT INTO "confirmation_trainings" VALUES(6,'digits-700',2,1,1924178782,1.8891505900137417484e-01,300,X'3F47FFCFFA79A9EB7FDF4FBD7FDF53FFFEC7FFDEEA7FDBFFFDEDFBFFF5EFCBE577BFDFFE2FD0','[[16, 0, 0, 0, 1, 1, 11, 1, 0, 0], [0, 25, 0, 2, 1, 0, 0, 0, 1, 1], [0, 0, 20, 1, 0, 0, 0, 8, 0, 0], [0, 0, 1, 27, 0, 0, 0, 1, 0, 2], [0, 4, 0, 0, 26, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 28, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0, 30, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 29, 1, 0], [0, 21, 0, 0, 1, 1, 0, 2, 4, 0], [0, 0, 0, 1, 0, 0, 0, 0, 0, 29]]','7a93a8b4140494c85968725c0345a4036be96c0486c9791d9917946da324cf70');
INSERT INTO "confirmation_trainings" VALUES(7,'digits-700',2,1,4074753535,0.154383921999397,300,X'BFEFDFCDFFD5FFFFFFFB6BDDEAFFE3FFFFDCDFFFFBFFDFFFFFDFDFFFF7BFE7F577B7DFBFFFD0','[[27, 0, 0, 0, 0, 0, 0, 0, 0, 3], [0, 17, 4, 1, 4, 0, 1, 2, 1, 0], [0, 0, 28, 0, 0, 0, 0, 0, 1, 0], [0, 0, 1, 27, 0, 0, 0, 0, 3, 0], [0, 0, 0, 0, 28, 0, 0, 2, 0, 0], [2, 0, 0, 0, 0, 29, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 29, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 29, 0, 0], [0, 3, 3, 5, 0, 1, 0, 0, 17, 0], [2, 0, 0, 0, 0, 0, 0, 1, 0, 27]]','095ca355d8b22f7aa2a5f010b042fc82bb16a4fe99970e8bd2523f332d160277');
CREATE TABLE confirmations (
	study_name VARCHAR(255) NOT NULL, 
	seeds JSON NOT NULL, 
	top INTEGER, 
	num_complete INTEGER NOT NULL, 
	contenders JSON NOT NULL, 
	members JSON, 
	PRIMARY KEY (study_name), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "confirmations" VALUES('digits-700','{"1": [2340540091, 1727626436], "2": [1924178782, 4074753535]}',2,4,'[{"trial": 1, "num_params": 334, "val_accuracy": 0.33666666666666667, "notation": "4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+"}, {"trial": 0, "num_params": 466, "val_accuracy": 0.35333333333333333, "notation": "3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+"}]','[1]');
CREATE TABLE epochs (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	trial_number INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	train_loss FLOAT NOT NULL, 
	train_accuracy FLOAT NOT NULL, 
	val_loss FLOAT NOT NULL, 
	val_accuracy FLOAT NOT NULL, 
	learning_rate FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, trial_number, epoch), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "epochs" VALUES(1,'digits-700',0,1,2.33294141548671074559e+00,1.06666666666666673513e-01,2.32635337561868160705e+00,1.03333333333333332593e-01,1.61683248229067738632e-01,8.35242100038158241659e-03);
INSERT INTO "epochs" VALUES(2,'digits-700',0,2,2.25958917233773126653e+00,1.26666666666666677398e-01,2.30987254169553635207e+00,1.03333333333333332593e-01,1.38005379439908704153e-01,8.17559899951447732746e-03);
INSERT INTO "epochs" VALUES(3,'digits-700',0,3,2.14233454999838413002e+00,2.63333333333333308168e-01,2.28588138549993891146e+00,0.15,8.08419474810303240186e-02,1.16615839997393777593e-02);
INSERT INTO "epochs" VALUES(4,'digits-700',0,4,2.01748212081423039521e+00,0.3,2.24432023888260667732e+00,1.13333333333333327597e-01,2.36785155221519647006e-02,1.32504020002670586109e-02);
INSERT INTO "epochs" VALUES(5,'digits-700',0,5,1.93533137244891761952e+00,3.5666666666666668739e-01,1.9360566832952061933e+00,3.53333333333333332593e-01,6.46732992916270924953e-07,1.03977670005406253039e-02);
INSERT INTO "epochs" VALUES(6,'digits-700',1,1,2.33410402046267639875e+00,1.03333333333333332593e-01,2.32327331214806598325e+00,9.66666666666666646312e-02,5.29229104703673736143e-02,1.05060379992210073396e-02);
INSERT INTO "epochs" VALUES(7,'digits-700',1,2,2.24204338938138691972e+00,1.5333333333333332149e-01,2.31274578908526962095e+00,9.66666666666666646312e-02,4.51725606735695339732e-02,7.37876499988487921655e-03);
INSERT INTO "epochs" VALUES(8,'digits-700',1,3,2.16232008701118605387e+00,0.19,2.24882323708559805908e+00,1.5333333333333332149e-01,2.64615610810046281153e-02,7.75334200079669244587e-03);
INSERT INTO "epochs" VALUES(9,'digits-700',1,4,2.09094691864248849455e+00,2.33333333333333337034e-01,2.14593426012202614927e+00,0.3,7.75056148843972312484e-03,5.779721001090365462e-03);
INSERT INTO "epochs" VALUES(10,'digits-700',1,5,2.0399460748151110323e+00,3.46666666666666678509e-01,2.04426127534624235693e+00,3.36666666666666669627e-01,2.11691641881469503824e-07,1.17684530014230404049e-02);
INSERT INTO "epochs" VALUES(11,'digits-700',2,1,2.34714678311904778595e+00,7.33333333333333337034e-02,2.31454779596747606262e+00,0.17,1.37813117880601798681e-01,1.45747590013343142345e-02);
INSERT INTO "epochs" VALUES(12,'digits-700',2,2,2.24657078588892611392e+00,2.06666666666666665186e-01,3.83258197391800337072e+00,1.46666666666666667406e-01,1.1763093476427355366e-01,1.10384180006803944706e-02);
INSERT INTO "epochs" VALUES(13,'digits-700',2,3,2.1378985718770504576e+00,2.33333333333333337034e-01,2.49080581266208378465e+00,1.96666666666666656304e-01,6.89068345665366510655e-02,1.45494219996180618181e-02);
INSERT INTO "epochs" VALUES(14,'digits-700',2,4,2.03584115748443883475e+00,2.66666666666666662965e-01,2.00171622260276693694e+00,3.06666666666666642981e-01,2.01827343687997519394e-02,1.48074939988873666152e-02);
INSERT INTO "epochs" VALUES(15,'digits-700',2,5,1.96829086043362022628e+00,0.29,1.95597270285547586432e+00,3.06666666666666642981e-01,5.51252471522407232456e-07,1.7827489000410423614e-02);
INSERT INTO "epochs" VALUES(16,'digits-700',3,1,2.34037946345981806572e+00,1.06666666666666673513e-01,2.31905657383707497487e+00,0.1,8.36352520979006114343e-02,6.00292200033436529338e-03);
INSERT INTO "epochs" VALUES(17,'digits-700',3,2,2.25690790792019679855e+00,0.15,2.31455446578081458497e+00,0.1,7.13872019936826612829e-02,5.8639760009100427851e-03);
INSERT INTO "epochs" VALUES(18,'digits-700',3,3,2.15818409355435791852e+00,0.25,2.30334625431752471058e+00,0.1,4.18177933194544965145e-02,5.7395909989281790331e-03);
INSERT INTO "epochs" VALUES(19,'digits-700',3,4,2.07157883998728875596e+00,2.83333333333333325931e-01,2.27144593839194586237e+00,1.16666666666666668517e-01,1.22483846452263404197e-02,1.02778599994053365662e-02);
INSERT INTO "epochs" VALUES(20,'digits-700',4,1,2.34431727283179291987e+00,0.09,2.32634824008875051859e+00,1.03333333333333332593e-01,5.70822783007760500839e-02,8.33535500169091392308e-03);
INSERT INTO "epochs" VALUES(21,'digits-700',4,2,2.22344589393905378571e+00,0.24,2.31831670212457918722e+00,0.1,4.87228056244407084496e-02,7.54857700121647212654e-03);
INSERT INTO "epochs" VALUES(22,'digits-700',4,3,2.10629329006792165301e+00,0.29,2.31471891455384248814e+00,0.1,2.85412533149446284719e-02,1.11963229992397828027e-02);
INSERT INTO "epochs" VALUES(23,'digits-700',4,4,2.02861677102994741872e+00,0.33,2.30542419446144597472e+00,0.1,8.35970100544854329005e-03,1.12474889992881799116e-02);
INSERT INTO "epochs" VALUES(24,'digits-700',4,5,1.99664894331418252271e+00,3.33333333333333314829e-01,1.99269177330979152529e+00,0.33,2.28329113203104225879e-07,9.37851399976352695375e-03);
INSERT INTO "epochs" VALUES(25,'digits-700',5,1,2.32416341145833316161e+00,0.17,2.32200145721435546875e+00,0.1,5.24202030379433414619e-02,4.24203685999600565992e-01);
INSERT INTO "epochs" VALUES(26,'digits-700',5,2,2.22961669921875,0.19,2.3187415599823,0.1,4.47434727456683667412e-02,2.45629934001044603064e-01);
CREATE TABLE pareto_front (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	trial_number INTEGER NOT NULL, 
	num_params INTEGER NOT NULL, 
	val_accuracy FLOAT NOT NULL, 
	notation VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, trial_number), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "pareto_front" VALUES(1,'digits-700',0,466,3.53333333333333332593e-01,'3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+');
INSERT INTO "pareto_front" VALUES(2,'digits-700',1,334,3.36666666666666669627e-01,'4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+');
CREATE TABLE queued_candidates (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	candidate_key VARCHAR(16) NOT NULL, 
	source VARCHAR NOT NULL, 
	params JSON NOT NULL, 
	slot_id INTEGER, 
	PRIMARY KEY (id), 
	UNIQUE (study_name, candidate_key), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
CREATE TABLE search_schema_version (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "search_schema_version" VALUES(2);
CREATE TABLE searches (
	study_name VARCHAR(255) NOT NULL, 
	fingerprint JSON NOT NULL, 
	num_transactions INTEGER NOT NULL, 
	PRIMARY KEY (study_name)
);
INSERT INTO "searches" VALUES('digits-700','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 300, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 48]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\nunpadded = 2\n\n[architecture]\ndropout = [0.0, 0.03]\npool_choices = [\"average\"]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.2]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\nplain_epochs = 1\nprecise_batch_norm = true\n", "budget": 700, "epochs": 5, "seed": 3}',19);
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'digits-700');
INSERT INTO "studies" VALUES(2,'digits-700.curves');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["val_accuracy", "num_params"]');
INSERT INTO "study_system_attributes" VALUES(2,2,'study:metric_names','["val_accuracy"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'fingerprint','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 300, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 48]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\nunpadded = 2\n\n[architecture]\ndropout = [0.0, 0.03]\npool_choices = [\"average\"]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.2]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\nplain_epochs = 1\nprecise_batch_norm = true\n", "budget": 700, "epochs": 5, "seed": 3}');
INSERT INTO "study_user_attributes" VALUES(2,2,'fingerprint','{"dataset": "digits", "dataset_sha256": "e131310dd819fb30d55cb9b796424204d0ed6bf16da88288ca92b73cbb7c8229", "split_seed": 0, "train_size": 300, "space": "[[stage]]\nlayers = [1, 2]\nwidth = [3, 16]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 32]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\n\n[[stage]]\nlayers = [2, 3]\nwidth = [3, 48]\nkernel = 3\npadding = \"same\"\nconvolution_choices = [\"plain\", \"separable\"]\nunpadded = 2\n\n[architecture]\ndropout = [0.0, 0.03]\npool_choices = [\"average\"]\n\n[training]\nbatch_size_choices = [32, 64]\nmax_lr = [0.05, 0.2]\nweight_decay = [1e-05, 0.0002]\nlabel_smoothing = [0.0, 0.0]\naugmentation = [0.4, 1.2]\nplain_epochs = 1\nprecise_batch_norm = true\n", "budget": 700, "epochs": 5, "seed": 3}');
CREATE TABLE test_openings (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	opened VARCHAR(32) NOT NULL, 
	num_models INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "test_openings" VALUES(1,'digits-700','2026-11-27T22:08:52+00:00',2);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,2,1,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,2,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,3,0.15,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,4,1.13333333333333327597e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,5,3.53333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,4,1,9.66666666666666646312e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,4,2,9.66666666666666646312e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,4,3,1.5333333333333332149e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,4,4,0.3,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,4,5,3.36666666666666669627e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,6,1,0.17,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,6,2,1.46666666666666667406e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,6,3,1.96666666666666656304e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,6,4,3.06666666666666642981e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,6,5,3.06666666666666642981e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,8,1,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,8,2,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,8,3,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,8,4,1.16666666666666668517e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,10,1,1.03333333333333332593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,10,2,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,10,3,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,10,4,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,10,5,0.33,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(2,1,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(3,1,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(4,1,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(5,1,'stage2_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(6,1,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(7,1,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(8,1,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(9,1,'stage2_width3',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(10,1,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(11,1,'stage3_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(12,1,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(13,1,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(14,1,'stage3_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(15,1,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(16,1,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(17,1,'max_lr',1.61683248229067738632e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(18,1,'weight_decay',3.03281153657856653461e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(19,1,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(20,1,'augmentation',9.84793608837683742684e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(21,3,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(22,3,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(23,3,'stage1_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(24,3,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(25,3,'stage2_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(26,3,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(27,3,'stage2_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(28,3,'stage2_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(29,3,'stage2_width3',21.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(30,3,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(31,3,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(32,3,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(33,3,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(34,3,'stage3_width3',20.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(35,3,'dropout',0.03,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(36,3,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(37,3,'max_lr',5.29229104703673736143e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(38,3,'weight_decay',1.90315302069697505626e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(39,3,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(40,3,'augmentation',1.03905282910272322993e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(41,5,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(42,5,'stage1_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(43,5,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(44,5,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(45,5,'stage2_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(46,5,'stage2_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(47,5,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(48,5,'stage2_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(49,5,'stage2_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(50,5,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(51,5,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(52,5,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(53,5,'stage3_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(54,5,'stage3_width3',22.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(55,5,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(56,5,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(57,5,'max_lr',1.37813117880601798681e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(58,5,'weight_decay',1.72970397600367722075e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(59,5,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(60,5,'augmentation',1.06771727056188781013e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(61,7,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(62,7,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(63,7,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(64,7,'stage1_width2',7.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(65,7,'stage2_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(66,7,'stage2_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(67,7,'stage2_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(68,7,'stage2_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(69,7,'stage2_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(70,7,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(71,7,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(72,7,'stage3_width1',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(73,7,'stage3_width2',7.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(74,7,'stage3_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(75,7,'dropout',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(76,7,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(77,7,'max_lr',8.36352520979006114343e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(78,7,'weight_decay',9.12186102505847584524e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(79,7,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(80,7,'augmentation',1.18888001369418305763e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(81,9,'stage1_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(82,9,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(83,9,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(84,9,'stage1_width2',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(85,9,'stage2_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(86,9,'stage2_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(87,9,'stage2_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(88,9,'stage2_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(89,9,'stage2_width3',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(90,9,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(91,9,'stage3_layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(92,9,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(93,9,'stage3_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(94,9,'stage3_width3',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(95,9,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(96,9,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(97,9,'max_lr',5.70822783007760500839e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(98,9,'weight_decay',4.85617461224259e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(99,9,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(100,9,'augmentation',9.24783538525217108094e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(101,11,'stage1_convolution',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(102,11,'stage1_layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 2}}');
INSERT INTO "trial_params" VALUES(103,11,'stage1_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(104,11,'stage1_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 16}}');
INSERT INTO "trial_params" VALUES(105,11,'stage2_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(106,11,'stage2_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(107,11,'stage2_width1',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(108,11,'stage2_width2',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(109,11,'stage2_width3',14.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 32}}');
INSERT INTO "trial_params" VALUES(110,11,'stage3_convolution',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["plain", "separable"]}}');
INSERT INTO "trial_params" VALUES(111,11,'stage3_layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 3}}');
INSERT INTO "trial_params" VALUES(112,11,'stage3_width1',4.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(113,11,'stage3_width2',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(114,11,'stage3_width3',39.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 3, "high": 48}}');
INSERT INTO "trial_params" VALUES(115,11,'dropout',0.01,'{"name": "FloatDistribution", "attributes": {"step": 0.01, "low": 0.0, "high": 0.03, "log": false}}');
INSERT INTO "trial_params" VALUES(116,11,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [32, 64]}}');
INSERT INTO "trial_params" VALUES(117,11,'max_lr',5.24202030379433414619e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.05, "high": 0.2, "log": true}}');
INSERT INTO "trial_params" VALUES(118,11,'weight_decay',2.7530571893321448898e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.0002, "log": true}}');
INSERT INTO "trial_params" VALUES(119,11,'label_smoothing',0.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.0, "log": false}}');
INSERT INTO "trial_params" VALUES(120,11,'augmentation',9.46053346373785797318e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.2, "log": false}}');
CREATE TABLE trial_slots (
	id INTEGER NOT NULL, 
	study_name VARCHAR(255) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	trial_number INTEGER, 
	seed_number INTEGER, 
	num_attempts INTEGER NOT NULL, 
	num_params INTEGER, 
	worker BIGINT NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	heartbeat FLOAT NOT NULL, 
	candidate_key VARCHAR(16), 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_name) REFERENCES searches (study_name)
);
INSERT INTO "trial_slots" VALUES(1,'digits-700','complete',0,0,1,466,152878371973881,'vm',1.79581732282404041289e+09,'21b5dc076a744cc4');
INSERT INTO "trial_slots" VALUES(2,'digits-700','complete',1,1,1,334,152878371973881,'vm',1.79581732304482817649e+09,'dce79e5b2eb6793a');
INSERT INTO "trial_slots" VALUES(3,'digits-700','complete',2,2,1,551,152878371973881,'vm',1.79581732323625659943e+09,'9aeda06ed8992427');
INSERT INTO "trial_slots" VALUES(4,'digits-700','pruned',3,3,1,693,152878371973881,'vm',1.79581732348666167262e+09,'2e751cabe9853006');
INSERT INTO "trial_slots" VALUES(5,'digits-700','complete',4,4,1,699,152878371973881,'vm',1.79581732371885967247e+09,'24a96f6a2117ef46');
INSERT INTO "trial_slots" VALUES(6,'digits-700','interrupted',5,5,1,308,99,'vm',1.79581734246329903599e+09,'e5a33b874806fb23');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'constraints:budget','-0.3342857142857143');
INSERT INTO "trial_system_attributes" VALUES(2,1,'artifacts:d3f7fb3a-3dfb-4f5a-9cb2-f3f4370d0aed','"{\"artifact_id\": \"d3f7fb3a-3dfb-4f5a-9cb2-f3f4370d0aed\", \"filename\": \"trial-0.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(3,3,'constraints:budget','-0.5228571428571429');
INSERT INTO "trial_system_attributes" VALUES(4,3,'artifacts:45329e4d-fe80-4cb0-af76-e27a07384d8f','"{\"artifact_id\": \"45329e4d-fe80-4cb0-af76-e27a07384d8f\", \"filename\": \"trial-1.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(5,5,'constraints:budget','-0.21285714285714286');
INSERT INTO "trial_system_attributes" VALUES(6,5,'artifacts:c13e66a5-ec00-4048-a7a2-aa5ef4da9599','"{\"artifact_id\": \"c13e66a5-ec00-4048-a7a2-aa5ef4da9599\", \"filename\": \"trial-2.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(7,7,'constraints:budget','-0.010000000000000009');
INSERT INTO "trial_system_attributes" VALUES(8,9,'constraints:budget','-0.0014285714285714457');
INSERT INTO "trial_system_attributes" VALUES(9,9,'artifacts:0ff928bb-638b-4e49-8f98-7d516f99aee3','"{\"artifact_id\": \"0ff928bb-638b-4e49-8f98-7d516f99aee3\", \"filename\": \"trial-4.safetensors\", \"mimetype\": \"application/octet-stream\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(10,11,'constraints:budget','-0.56');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'num_params','466');
INSERT INTO "trial_user_attributes" VALUES(2,1,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'candidate','{"notation": "3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.16168324822906774, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 3.0328115365785665e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 9.847936088376837, "translation": 0.04923968044188419, "scale": 0.09847936088376838, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'candidate_key','"21b5dc076a744cc4"');
INSERT INTO "trial_user_attributes" VALUES(5,1,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'seed','1576890651');
INSERT INTO "trial_user_attributes" VALUES(7,1,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(8,1,'seconds','0.05183777300044312');
INSERT INTO "trial_user_attributes" VALUES(9,1,'val_accuracy','0.35333333333333333');
INSERT INTO "trial_user_attributes" VALUES(10,1,'val_accuracy_spread','0.24');
INSERT INTO "trial_user_attributes" VALUES(11,1,'weights','"d3f7fb3a-3dfb-4f5a-9cb2-f3f4370d0aed"');
INSERT INTO "trial_user_attributes" VALUES(12,1,'weights_sha256','"3401b8deda9ff9e63cc34f11150c28262f44bb4d2a7e6226c424daec5ac457bd"');
INSERT INTO "trial_user_attributes" VALUES(13,1,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(14,2,'trial','0');
INSERT INTO "trial_user_attributes" VALUES(15,2,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep4v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(16,3,'num_params','334');
INSERT INTO "trial_user_attributes" VALUES(17,3,'notation','"4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(18,3,'candidate','{"notation": "4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+", "architecture": [{"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.03, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.052922910470367374, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 1.903153020696975e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 10.390528291027232, "translation": 0.051952641455136166, "scale": 0.10390528291027233, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(19,3,'candidate_key','"dce79e5b2eb6793a"');
INSERT INTO "trial_user_attributes" VALUES(20,3,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(21,3,'seed','457190280');
INSERT INTO "trial_user_attributes" VALUES(22,3,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(23,3,'seconds','0.043186319002415985');
INSERT INTO "trial_user_attributes" VALUES(24,3,'val_accuracy','0.33666666666666667');
INSERT INTO "trial_user_attributes" VALUES(25,3,'val_accuracy_spread','0.18333333333333335');
INSERT INTO "trial_user_attributes" VALUES(26,3,'weights','"45329e4d-fe80-4cb0-af76-e27a07384d8f"');
INSERT INTO "trial_user_attributes" VALUES(27,3,'weights_sha256','"c74a9d220214f2a241c99fc24a97db5277dca3318cab197b222c628ae7b5b3a7"');
INSERT INTO "trial_user_attributes" VALUES(28,3,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(29,4,'trial','1');
INSERT INTO "trial_user_attributes" VALUES(30,4,'notation','"4s:brd0.03 ap sep4s:brd0.03 sep4s:brd0.03 ap sep4v:brd0.03 sep4v:brd0.03 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(31,5,'num_params','551');
INSERT INTO "trial_user_attributes" VALUES(32,5,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(33,5,'candidate','{"notation": "3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 32, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.1378131178806018, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 1.7297039760036772e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 10.677172705618878, "translation": 0.05338586352809439, "scale": 0.10677172705618879, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(34,5,'candidate_key','"9aeda06ed8992427"');
INSERT INTO "trial_user_attributes" VALUES(35,5,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(36,5,'seed','960329833');
INSERT INTO "trial_user_attributes" VALUES(37,5,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(38,5,'seconds','0.07279758200093056');
INSERT INTO "trial_user_attributes" VALUES(39,5,'val_accuracy','0.30666666666666664');
INSERT INTO "trial_user_attributes" VALUES(40,5,'val_accuracy_spread','0.10999999999999999');
INSERT INTO "trial_user_attributes" VALUES(41,5,'weights','"c13e66a5-ec00-4048-a7a2-aa5ef4da9599"');
INSERT INTO "trial_user_attributes" VALUES(42,5,'weights_sha256','"7db3f607dc3c2b5fbb398d107835b70b32264a45b26b47238e8eab02973d66fa"');
INSERT INTO "trial_user_attributes" VALUES(43,5,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(44,6,'trial','2');
INSERT INTO "trial_user_attributes" VALUES(45,6,'notation','"3s:brd0.01 sep3s:brd0.01 ap 3s:brd0.01 3s:brd0.01 4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(46,7,'num_params','693');
INSERT INTO "trial_user_attributes" VALUES(47,7,'notation','"3s:br ap 4s:br 4s:br 4s:br ap sep5v:br sep7v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(48,7,'candidate','{"notation": "3s:br ap 4s:br 4s:br 4s:br ap sep5v:br sep7v:br gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 7, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.0, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.08363525209790061, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 9.121861025058476e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 11.88880013694183, "translation": 0.059444000684709154, "scale": 0.11888800136941831, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(49,7,'candidate_key','"2e751cabe9853006"');
INSERT INTO "trial_user_attributes" VALUES(50,7,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(51,7,'seed','4253259675');
INSERT INTO "trial_user_attributes" VALUES(52,7,'num_epochs','4');
INSERT INTO "trial_user_attributes" VALUES(53,7,'seconds','0.027884348999577924');
INSERT INTO "trial_user_attributes" VALUES(54,7,'val_accuracy','0.11666666666666667');
INSERT INTO "trial_user_attributes" VALUES(55,7,'reason','"pruned after epoch 4"');
INSERT INTO "trial_user_attributes" VALUES(56,7,'outcome','"pruned"');
INSERT INTO "trial_user_attributes" VALUES(57,8,'trial','3');
INSERT INTO "trial_user_attributes" VALUES(58,8,'notation','"3s:br ap 4s:br 4s:br 4s:br ap sep5v:br sep7v:br gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(59,9,'num_params','699');
INSERT INTO "trial_user_attributes" VALUES(60,9,'notation','"3s:brd0.01 ap 4s:brd0.01 4s:brd0.01 4s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(61,9,'candidate','{"notation": "3s:brd0.01 ap 4s:brd0.01 4s:brd0.01 4s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep5v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.05708227830077605, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 4.85617461224259e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 9.247835385252172, "translation": 0.04623917692626086, "scale": 0.09247835385252172, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(62,9,'candidate_key','"24a96f6a2117ef46"');
INSERT INTO "trial_user_attributes" VALUES(63,9,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "native", "workers": 1, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(64,9,'seed','2746448868');
INSERT INTO "trial_user_attributes" VALUES(65,9,'num_epochs','5');
INSERT INTO "trial_user_attributes" VALUES(66,9,'seconds','0.047706258001198876');
INSERT INTO "trial_user_attributes" VALUES(67,9,'val_accuracy','0.33');
INSERT INTO "trial_user_attributes" VALUES(68,9,'val_accuracy_spread','0.23');
INSERT INTO "trial_user_attributes" VALUES(69,9,'weights','"0ff928bb-638b-4e49-8f98-7d516f99aee3"');
INSERT INTO "trial_user_attributes" VALUES(70,9,'weights_sha256','"bc2ed0b7733965812751c17ab88702ef2a3ce613df3759f0f131c2a2029424f7"');
INSERT INTO "trial_user_attributes" VALUES(71,9,'outcome','"complete"');
INSERT INTO "trial_user_attributes" VALUES(72,10,'trial','4');
INSERT INTO "trial_user_attributes" VALUES(73,10,'notation','"3s:brd0.01 ap 4s:brd0.01 4s:brd0.01 4s:brd0.01 ap sep4s:brd0.01 sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(74,11,'num_params','308');
INSERT INTO "trial_user_attributes" VALUES(75,11,'notation','"3s:brd0.01 ap sep3s:brd0.01 sep4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(76,11,'candidate','{"notation": "3s:brd0.01 ap sep3s:brd0.01 sep4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+", "architecture": [{"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 3, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 1, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "average_pool", "size": 2}, {"kind": "conv", "width": 4, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "conv", "width": 5, "kernel": 3, "padding": 0, "bias": false, "ops": "br", "dropout": 0.01, "dropout2d": false, "separable": true}, {"kind": "gap"}, {"kind": "linear", "width": 10, "bias": true, "relu": false}], "training": {"epochs": 5, "batch_size": 64, "optimizer": "sgd", "schedule": "one_cycle", "max_lr": 0.05242020303794334, "pct_start": 0.2, "div_factor": 25.0, "final_div_factor": 10000.0, "anneal": "cos", "lr_factor": 0.1, "lr_step": 5, "lr_patience": 10, "plateau_on": "val_loss", "momentum": 0.9, "peak_momentum": null, "nesterov": true, "weight_decay": 2.753057189332145e-05, "label_smoothing": 0.0, "clip_norm": null, "rotation": 9.460533463737859, "translation": 0.04730266731868929, "scale": 0.09460533463737858, "plain_epochs": 1, "precise_batch_norm": true, "pixel_mean": null, "pixel_std": null, "stop_accuracy": null, "patience": null}}');
INSERT INTO "trial_user_attributes" VALUES(77,11,'candidate_key','"e5a33b874806fb23"');
INSERT INTO "trial_user_attributes" VALUES(78,11,'run','{"sampler": "tpe", "pruner": "size-aware", "device": "cpu", "engine": "torch", "workers": null, "timeout": null}');
INSERT INTO "trial_user_attributes" VALUES(79,11,'seed','3746004709');
INSERT INTO "trial_user_attributes" VALUES(80,11,'reason','"interrupted after epoch 2"');
INSERT INTO "trial_user_attributes" VALUES(81,12,'trial','5');
INSERT INTO "trial_user_attributes" VALUES(82,12,'notation','"3s:brd0.01 ap sep3s:brd0.01 sep4s:brd0.01 ap sep4v:brd0.01 sep5v:brd0.01 gap fc10+"');
INSERT INTO "trial_user_attributes" VALUES(83,12,'placeholder','"no curve: interrupted"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,3.53333333333333332593e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,1,466.0,'FINITE');
INSERT INTO "trial_values" VALUES(3,2,0,3.53333333333333332593e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,3,0,3.36666666666666669627e-01,'FINITE');
INSERT INTO "trial_values" VALUES(5,3,1,334.0,'FINITE');
INSERT INTO "trial_values" VALUES(6,4,0,3.36666666666666669627e-01,'FINITE');
INSERT INTO "trial_values" VALUES(7,5,0,3.06666666666666642981e-01,'FINITE');
INSERT INTO "trial_values" VALUES(8,5,1,551.0,'FINITE');
INSERT INTO "trial_values" VALUES(9,6,0,3.06666666666666642981e-01,'FINITE');
INSERT INTO "trial_values" VALUES(10,8,0,1.16666666666666668517e-01,'FINITE');
INSERT INTO "trial_values" VALUES(11,9,0,0.33,'FINITE');
INSERT INTO "trial_values" VALUES(12,9,1,699.0,'FINITE');
INSERT INTO "trial_values" VALUES(13,10,0,0.33,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-27 22:08:42.500575','2026-11-27 22:08:42.856246');
INSERT INTO "trials" VALUES(2,0,2,'COMPLETE','2026-11-27 22:08:42.500575','2026-11-27 22:08:42.856246');
INSERT INTO "trials" VALUES(3,1,1,'COMPLETE','2026-11-27 22:08:42.946847','2026-11-27 22:08:43.068505');
INSERT INTO "trials" VALUES(4,1,2,'COMPLETE','2026-11-27 22:08:42.946847','2026-11-27 22:08:43.068505');
INSERT INTO "trials" VALUES(5,2,1,'COMPLETE','2026-11-27 22:08:43.101305','2026-11-27 22:08:43.270136');
INSERT INTO "trials" VALUES(6,2,2,'COMPLETE','2026-11-27 22:08:43.101305','2026-11-27 22:08:43.270136');
INSERT INTO "trials" VALUES(7,3,1,'PRUNED','2026-11-27 22:08:43.418401','2026-11-27 22:08:43.493652');
INSERT INTO "trials" VALUES(8,3,2,'PRUNED','2026-11-27 22:08:43.418401','2026-11-27 22:08:43.493652');
INSERT INTO "trials" VALUES(9,4,1,'COMPLETE','2026-11-27 22:08:43.624192','2026-11-27 22:08:43.748332');
INSERT INTO "trials" VALUES(10,4,2,'COMPLETE','2026-11-27 22:08:43.624192','2026-11-27 22:08:43.748332');
INSERT INTO "trials" VALUES(11,5,1,'FAIL','2026-11-27 22:08:59.911619','2026-11-27 22:09:02.482970');
INSERT INTO "trials" VALUES(12,5,2,'FAIL','2026-11-27 22:08:59.911619','2026-11-27 22:09:02.482970');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_trial_slots_study_name ON trial_slots (study_name);
CREATE INDEX ix_queued_candidates_study_name ON queued_candidates (study_name);
CREATE INDEX ix_epochs_study_name ON epochs (study_name);
CREATE INDEX ix_pareto_front_study_name ON pareto_front (study_name);
CREATE INDEX ix_confirmation_trainings_study_name ON confirmation_trainings (study_name);
CREATE INDEX ix_test_openings_study_name ON test_openings (study_name);
COMMIT;
